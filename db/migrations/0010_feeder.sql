-- Who feeds a station (works, gate, heat source, substation), or what it drains to: the pumping station that must run. Null: not known.

alter table station add column feeder text references station (code) on delete set null check (feeder <> code);
create index station_feeder on station (feeder) where feeder is not null;

-- Nobody feeds himself by a detour either. The lock makes two that each write half of a circle wait for each other.
create function refuse_feeder_circle() returns trigger language plpgsql as $$
begin
  if not exists (select from changed where feeder is not null) then return null; end if;
  lock table station in share row exclusive mode;
  if exists (
    with recursive up as (
      select code as start, feeder as code from changed where feeder is not null
      union
      select up.start, s.feeder from up join station s on s.code = up.code where s.feeder is not null and up.code <> up.start
    )
    select from up where code = start
  ) then
    raise exception 'stations feed each other in a circle' using errcode = 'check_violation', constraint = 'station_feeder_circle';
  end if;
  return null;
end $$;
create trigger station_feeder_inserted after insert on station referencing new table as changed
  for each statement execute function refuse_feeder_circle();
create trigger station_feeder_updated after update on station referencing new table as changed
  for each statement execute function refuse_feeder_circle();

-- An active alarm upstream explains it (`cause`): it did not ring, and does not until that one has been over for the rule's grace.
alter table alarm add column explained boolean not null default false;
alter table alarm add check (not explained or cause is not null);
