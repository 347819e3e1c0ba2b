#!/bin/sh
# Runs a streaming replica: copies the primary when DATA is not there yet, then follows it. The primary's password comes from
# PGPASSWORD or a password file; its pg_hba.conf has to let the user in for `replication`.
#
#   start-replica.sh 'host=primary port=5432 user=yiping dbname=yiping' SLOT DATA [options of postgres]
#
# The slot makes the primary keep what the replica has not had, up to its max_slot_wal_keep_size. A replica that stayed away for
# longer than that says so ("requested WAL segment has already been removed"): delete DATA and start it again.
set -eu
[ $# -ge 3 ] || { echo "usage: $0 PRIMARY SLOT DATA [options of postgres]" >&2; exit 64; }
primary=$1 slot=$2 data=$3
shift 3

if [ ! -f "$data/standby.signal" ] && [ -d "$data" ] && [ -n "$(ls -A "$data")" ]; then
  echo "$data is there and is no replica" >&2
  exit 65
fi
if [ ! -f "$data/standby.signal" ]; then
  # Whole or not at all: a copy that was broken off is made anew.
  rm -rf "$data.copying"
  psql -d "$primary" -v ON_ERROR_STOP=1 -qAt -c "select pg_create_physical_replication_slot('$slot') where not exists (select from pg_replication_slots where slot_name = '$slot')" >/dev/null
  pg_basebackup -d "$primary" -D "$data.copying" -X stream -S "$slot" -R -c fast
  [ ! -d "$data" ] || rmdir "$data"
  mv "$data.copying" "$data"
fi
chmod 700 "$data"
# A question takes 29 s at most: what the primary wants gone waits for it, and for no longer.
exec postgres -D "$data" -c hot_standby=on -c hot_standby_feedback=on -c max_standby_streaming_delay=60s "$@"
