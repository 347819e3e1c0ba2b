#!/bin/sh
# Point-in-time restore: makes a new data directory that comes up as the database was at a moment.
#
#   restore-to.sh BASE_BACKUP WAL_ARCHIVE NEW_DATA_DIRECTORY '2026-11-30 10:15:00+08'
#
# BASE_BACKUP is a folder made by pg_basebackup before that moment, WAL_ARCHIVE the folder that archive_command writes to. Neither is
# changed, nor is anything that runs. Run it as the user that PostgreSQL runs as, then start PostgreSQL on the new directory: it plays
# the archive up to the moment and opens for writing.
set -eu
if [ "$#" -ne 4 ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
base=$1 archive=$2 new=$3 moment=$4
fail() {
  echo "restore-to: $1" >&2
  exit 1
}
[ -f "$base/backup_label" ] || fail "$base is no base backup"
[ -d "$archive" ] || fail "$archive is no folder"
[ ! -e "$new" ] || fail "$new is there already"
case "$moment$archive" in *\'*) fail "no quotes in a moment or a folder" ;; esac
cp -R "$base" "$new"
chmod 700 "$new"
rm -f "$new/postmaster.pid"
cat >>"$new/postgresql.auto.conf" <<CONF
restore_command = 'cp "$(cd "$archive" && pwd)/%f" "%p"'
recovery_target_time = '$moment'
recovery_target_action = 'promote'
archive_mode = 'off'
CONF
: >"$new/recovery.signal"
echo "restore-to: $new is ready: start PostgreSQL on it, look, and set archive_mode again with a new archive" >&2
