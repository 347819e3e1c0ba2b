-- Written from a migrated database by the schema test (UPDATE_SCHEMA=1): to be read, not to be run.

-- tables

create table account (
  id integer not null generated always as identity,
  username text not null,
  name text not null,
  roles text[] not null,
  districts text[],
  domains text[],
  password_hash text,
  oidc_subject text,
  created_at timestamp with time zone not null,
  disabled_at timestamp with time zone,
  constraint account_oidc_subject_key UNIQUE (oidc_subject),
  constraint account_pkey PRIMARY KEY (id),
  constraint account_roles_check CHECK ((cardinality(roles) > 0))
);

create table alarm (
  id text not null,
  rule text not null,
  rule_version integer not null,
  kind text not null,
  subject text not null,
  domain text,
  district text,
  station text,
  metric text,
  point_id integer,
  severity smallint not null,
  worst smallint not null,
  active_at timestamp with time zone not null,
  returned_at timestamp with time zone,
  rang_at timestamp with time zone,
  ack_at timestamp with time zone,
  ack_by text,
  reset_at timestamp with time zone,
  reset_by text,
  latches boolean not null default false,
  quiet boolean not null default false,
  superseded boolean not null default false,
  suppressed_by text,
  value double precision,
  limit_value double precision,
  extreme double precision,
  unit text,
  cause text,
  members integer not null default 0,
  assigned_to text,
  escalation smallint not null default 0,
  recurrences integer not null default 0,
  changed_at timestamp with time zone not null default now(),
  state text not null generated always as (
CASE
    WHEN superseded THEN 'normal'::text
    WHEN (returned_at IS NULL) THEN
    CASE
        WHEN (ack_at IS NULL) THEN 'unacked_active'::text
        ELSE 'acked_active'::text
    END
    WHEN ((ack_at IS NULL) AND (NOT quiet)) THEN 'returned_unacked'::text
    WHEN (latches AND (NOT quiet) AND (reset_at IS NULL)) THEN 'latched'::text
    ELSE 'normal'::text
END) stored,
  explained boolean not null default false,
  constraint alarm_pkey PRIMARY KEY (id),
  constraint alarm_cause_fkey FOREIGN KEY (cause) REFERENCES alarm(id),
  constraint alarm_district_fkey FOREIGN KEY (district) REFERENCES district(adcode),
  constraint alarm_domain_fkey FOREIGN KEY (domain) REFERENCES domain(code),
  constraint alarm_check CHECK (((returned_at IS NULL) OR (returned_at >= active_at))),
  constraint alarm_check1 CHECK (((NOT explained) OR (cause IS NOT NULL))),
  constraint alarm_members_check CHECK ((members >= 0)),
  constraint alarm_severity_check CHECK (((severity >= 1) AND (severity <= 4))),
  constraint alarm_worst_check CHECK (((worst >= 1) AND (worst <= 4)))
);

create table alarm_condition (
  rule text not null,
  subject text not null,
  state jsonb not null,
  constraint alarm_condition_pkey PRIMARY KEY (rule, subject)
);

create table alarm_event (
  id bigint not null generated always as identity,
  alarm text not null,
  at timestamp with time zone not null,
  kind text not null,
  severity smallint,
  value double precision,
  ring boolean not null default false,
  by text,
  note text,
  logged_at timestamp with time zone not null default now(),
  noticed boolean not null default false,
  constraint alarm_event_pkey PRIMARY KEY (id),
  constraint alarm_event_alarm_fkey FOREIGN KEY (alarm) REFERENCES alarm(id),
  constraint alarm_event_kind_check CHECK ((kind = ANY (ARRAY['activated'::text, 'escalated'::text, 'lowered'::text, 'returned'::text, 'rang'::text, 'superseded'::text, 'acked'::text, 'reset'::text, 'commented'::text, 'assigned'::text, 'passed_up'::text, 'shelved'::text, 'unshelved'::text, 'suppressed'::text, 'released'::text, 'out_of_service'::text, 'in_service'::text]))),
  constraint alarm_event_severity_check CHECK (((severity >= 1) AND (severity <= 4)))
);

create table alarm_normal (
  point_id integer not null,
  hour smallint not null,
  median double precision not null,
  spread double precision not null,
  samples integer not null,
  constraint alarm_normal_pkey PRIMARY KEY (point_id, hour),
  constraint alarm_normal_hour_check CHECK (((hour >= 0) AND (hour <= 167)))
);

create table alarm_out_of_service (
  rule text not null,
  subject text not null,
  reason text not null,
  by text not null,
  at timestamp with time zone not null default now(),
  constraint alarm_out_of_service_pkey PRIMARY KEY (rule, subject),
  constraint alarm_out_of_service_reason_check CHECK ((reason <> ''::text))
);

create table alarm_rule (
  code text not null,
  version integer not null,
  definition jsonb not null,
  active boolean not null,
  since timestamp with time zone not null default now(),
  by text not null default 'yiping'::text,
  note text,
  constraint alarm_rule_pkey PRIMARY KEY (code, version),
  constraint alarm_rule_code_check CHECK ((code ~ '^[a-z0-9_.]{1,64}$'::text)),
  constraint alarm_rule_version_check CHECK ((version > 0))
);

create table alarm_shelf (
  rule text not null,
  subject text not null,
  until timestamp with time zone not null,
  reason text not null,
  by text not null,
  at timestamp with time zone not null default now(),
  constraint alarm_shelf_pkey PRIMARY KEY (rule, subject),
  constraint alarm_shelf_check CHECK (((until > at) AND (until <= (at + '08:00:00'::interval)))),
  constraint alarm_shelf_reason_check CHECK ((reason <> ''::text))
);

create table api_token (
  id integer not null generated always as identity,
  token_hash bytea not null,
  account integer not null,
  name text not null,
  scopes text[] not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  used_at timestamp with time zone,
  constraint api_token_token_hash_key UNIQUE (token_hash),
  constraint api_token_pkey PRIMARY KEY (id),
  constraint api_token_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE
);

create table audit (
  id bigint not null generated always as identity,
  at timestamp with time zone not null,
  actor text not null,
  account integer,
  via text not null,
  address text,
  action text not null,
  target text,
  outcome text not null,
  before jsonb,
  after jsonb,
  constraint audit_pkey PRIMARY KEY (id),
  constraint audit_via_check CHECK ((via = ANY (ARRAY['session'::text, 'token'::text, 'screen'::text, 'nobody'::text])))
);

create table correction (
  point_id integer not null,
  hour timestamp with time zone not null,
  at timestamp with time zone not null,
  rows integer not null,
  constraint correction_pkey PRIMARY KEY (point_id, hour)
);

create table counter_correction (
  point_id integer not null,
  at timestamp with time zone not null,
  correction double precision not null,
  open boolean not null,
  constraint counter_correction_pkey PRIMARY KEY (point_id, at)
);

create table dirty_range (
  point_id integer not null,
  hour timestamp with time zone not null,
  minutes bigint not null,
  rows integer not null,
  corrects integer not null,
  since timestamp with time zone not null default now(),
  taken integer,
  constraint dirty_range_pkey PRIMARY KEY (point_id, hour)
);

create table district (
  adcode text not null,
  parent text,
  level text not null,
  name text not null,
  name_en text not null,
  center_lon double precision not null,
  center_lat double precision not null,
  boundary jsonb,
  constraint district_pkey PRIMARY KEY (adcode),
  constraint district_parent_fkey FOREIGN KEY (parent) REFERENCES district(adcode),
  constraint district_level_check CHECK ((level = ANY (ARRAY['city'::text, 'district'::text, 'street'::text, 'community'::text, 'grid'::text])))
);

create table district_1h (
  metric text not null,
  district text not null,
  bucket timestamp with time zone not null,
  min double precision,
  max double precision,
  sum double precision,
  count integer not null,
  uncertain integer not null,
  bad integer not null,
  constraint district_1h_pkey PRIMARY KEY (metric, district, bucket),
  constraint district_1h_metric_fkey FOREIGN KEY (metric) REFERENCES metric(code)
);

create table district_day (
  metric text not null,
  day date not null,
  district text not null,
  hours bytea not null,
  constraint district_day_pkey PRIMARY KEY (metric, day, district),
  constraint district_day_metric_fkey FOREIGN KEY (metric) REFERENCES metric(code)
);

create table district_tier (
  alone boolean not null default true,
  since timestamp with time zone,
  until timestamp with time zone,
  constraint district_tier_pkey PRIMARY KEY (alone),
  constraint district_tier_alone_check CHECK (alone),
  constraint district_tier_check CHECK ((((since IS NULL) = (until IS NULL)) AND (since <= until)))
);

create table domain (
  code text not null,
  name_zh text not null,
  name_en text not null,
  "position" smallint not null,
  constraint domain_pkey PRIMARY KEY (code)
);

create table duty_shift (
  id integer not null generated always as identity,
  person text not null,
  email text not null,
  domains text[] not null default '{}'::text[],
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone not null,
  constraint duty_shift_pkey PRIMARY KEY (id),
  constraint duty_shift_check CHECK ((ends_at > starts_at))
);

create table ingest_balance (
  minute timestamp with time zone not null,
  source text not null,
  received bigint not null default 0,
  stored bigint not null default 0,
  duplicate bigint not null default 0,
  conflict bigint not null default 0,
  rejected bigint not null default 0,
  waiting bigint not null default 0,
  closes boolean generated always as ((received = ((((stored + duplicate) + conflict) + rejected) + waiting))) stored,
  constraint ingest_balance_pkey PRIMARY KEY (minute, source)
);

create table ingest_lease (
  name text not null,
  holder text not null,
  expires_at timestamp with time zone not null,
  constraint ingest_lease_pkey PRIMARY KEY (name)
);

create table ingest_state (
  name text not null,
  state text not null,
  at timestamp with time zone not null default now(),
  constraint ingest_state_pkey PRIMARY KEY (name)
);

create table latest (
  point_id integer not null,
  observed_at timestamp with time zone not null,
  received_at timestamp with time zone not null,
  value double precision not null,
  quality smallint not null,
  constraint latest_pkey PRIMARY KEY (point_id)
);

create table meter_tier (
  alone boolean not null default true,
  since timestamp with time zone,
  until timestamp with time zone,
  again_from timestamp with time zone,
  constraint meter_tier_pkey PRIMARY KEY (alone),
  constraint meter_tier_alone_check CHECK (alone),
  constraint meter_tier_check CHECK ((((since IS NULL) = (until IS NULL)) AND (since <= until)))
);

create table metric (
  code text not null,
  domain text not null,
  name_zh text not null,
  name_en text not null,
  unit text not null,
  kind text not null,
  roll_up text not null,
  decimals smallint not null,
  physical_min double precision not null,
  physical_max double precision not null,
  typical_min double precision,
  typical_max double precision,
  interval_s real not null,
  alarm_interval_s real,
  derived_from text,
  states jsonb,
  source text not null,
  evidence character(1) not null,
  source_verified boolean not null,
  constraint metric_pkey PRIMARY KEY (code),
  constraint metric_derived_from_fkey FOREIGN KEY (derived_from) REFERENCES metric(code),
  constraint metric_domain_fkey FOREIGN KEY (domain) REFERENCES domain(code),
  constraint metric_check CHECK ((physical_min < physical_max)),
  constraint metric_evidence_check CHECK ((evidence = ANY (ARRAY['S'::bpchar, 'M'::bpchar, 'J'::bpchar]))),
  constraint metric_kind_check CHECK ((kind = ANY (ARRAY['gauge'::text, 'counter'::text, 'state'::text, 'event'::text]))),
  constraint metric_roll_up_check CHECK ((roll_up = ANY (ARRAY['mean'::text, 'delta'::text, 'last'::text, 'sum'::text])))
);

create table notice (
  id bigint not null generated always as identity,
  route integer not null,
  created_at timestamp with time zone not null default now(),
  state text not null default 'pending'::text,
  attempts integer not null default 0,
  next_at timestamp with time zone not null default now(),
  sent_at timestamp with time zone,
  error text,
  constraint notice_pkey PRIMARY KEY (id),
  constraint notice_route_fkey FOREIGN KEY (route) REFERENCES notice_route(id) ON DELETE CASCADE,
  constraint notice_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'sent'::text, 'failed'::text])))
);

create table notice_item (
  route integer not null,
  event bigint not null,
  alarm text not null,
  at timestamp with time zone not null default now(),
  notice bigint,
  constraint notice_item_pkey PRIMARY KEY (route, event),
  constraint notice_item_alarm_fkey FOREIGN KEY (alarm) REFERENCES alarm(id),
  constraint notice_item_event_fkey FOREIGN KEY (event) REFERENCES alarm_event(id),
  constraint notice_item_notice_fkey FOREIGN KEY (notice) REFERENCES notice(id) ON DELETE CASCADE,
  constraint notice_item_route_fkey FOREIGN KEY (route) REFERENCES notice_route(id) ON DELETE CASCADE
);

create table notice_route (
  id integer not null generated always as identity,
  name text not null,
  channel text not null,
  target text not null,
  secret text,
  domains text[] not null default '{}'::text[],
  districts text[] not null default '{}'::text[],
  severities smallint[] not null default '{}'::smallint[],
  escalation smallint not null default 0,
  active boolean not null default true,
  created_at timestamp with time zone not null default now(),
  constraint notice_route_name_key UNIQUE (name),
  constraint notice_route_pkey PRIMARY KEY (id),
  constraint notice_route_channel_check CHECK ((channel = ANY (ARRAY['webhook'::text, 'email'::text])))
);

create table pipe (
  domain text not null,
  code text not null,
  from_node text not null,
  to_node text not null,
  path jsonb not null,
  length_m double precision,
  diameter_mm double precision,
  source text not null,
  simulated boolean not null,
  constraint pipe_pkey PRIMARY KEY (domain, code),
  constraint pipe_domain_fkey FOREIGN KEY (domain) REFERENCES domain(code),
  constraint pipe_diameter_mm_check CHECK ((diameter_mm > (0)::double precision)),
  constraint pipe_length_m_check CHECK ((length_m > (0)::double precision))
);

create table point (
  id integer not null generated always as identity,
  station_id integer not null,
  metric text not null,
  interval_s real,
  constraint point_station_id_metric_key UNIQUE (station_id, metric),
  constraint point_pkey PRIMARY KEY (id),
  constraint point_metric_fkey FOREIGN KEY (metric) REFERENCES metric(code),
  constraint point_station_id_fkey FOREIGN KEY (station_id) REFERENCES station(id)
);

create table quality_mark (
  point_id integer not null,
  observed_at timestamp with time zone not null,
  mark text not null,
  constraint quality_mark_mark_check CHECK ((mark = ANY (ARRAY['range'::text, 'step'::text, 'flat'::text, 'skew'::text])))
);

create table reading (
  point_id integer not null,
  observed_at timestamp with time zone not null,
  received_at timestamp with time zone,
  value double precision,
  quality smallint not null,
  digits bigint,
  per integer,
  delay integer
);

create table reading_conflict (
  id bigint not null generated always as identity,
  point_id integer,
  station text,
  metric text,
  observed_at timestamp with time zone not null,
  received_at timestamp with time zone not null,
  value double precision not null,
  quality smallint not null,
  source text not null,
  constraint reading_conflict_check CHECK ((((point_id IS NULL) <> (station IS NULL)) AND ((station IS NULL) = (metric IS NULL))))
);

create table reading_form (
  alone boolean not null default true,
  packed boolean not null,
  constraint reading_form_pkey PRIMARY KEY (alone),
  constraint reading_form_alone_check CHECK (alone)
);

create table refresh_request (
  id bigint not null generated always as identity,
  relation text not null,
  since timestamp with time zone not null,
  until timestamp with time zone not null,
  asked_at timestamp with time zone not null default now(),
  constraint refresh_request_pkey PRIMARY KEY (id),
  constraint refresh_request_check CHECK ((since < until)),
  constraint refresh_request_relation_check CHECK ((relation = ANY (ARRAY['reading_1m'::text, 'reading_15m'::text, 'reading_1h'::text, 'reading_1d'::text, 'district_1h'::text])))
);

create table rejection (
  id bigint not null generated always as identity,
  at timestamp with time zone not null,
  source text not null,
  topic text not null,
  reason text not null,
  detail text,
  readings integer not null,
  payload bytea not null,
  held integer not null default 0,
  constraint rejection_check CHECK (((held >= 0) AND (held <= readings))),
  constraint rejection_payload_check CHECK ((octet_length(payload) <= 4096)),
  constraint rejection_readings_check CHECK ((readings > 0)),
  constraint rejection_reason_check CHECK ((reason = ANY (ARRAY['topic_unknown'::text, 'payload_malformed'::text, 'payload_too_large'::text, 'station_unknown'::text, 'metric_unknown'::text, 'value_not_finite'::text, 'value_out_of_range'::text, 'ts_invalid'::text, 'ts_future'::text, 'ts_too_old'::text])))
);

create table screen (
  id integer not null generated always as identity,
  name text not null,
  credential_hash bytea,
  settings jsonb not null,
  created_at timestamp with time zone not null,
  paired_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_seen_at timestamp with time zone,
  last_report jsonb,
  constraint screen_credential_hash_key UNIQUE (credential_hash),
  constraint screen_pkey PRIMARY KEY (id)
);

create table screen_pairing (
  secret_hash bytea not null,
  code text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  attempts integer not null default 0,
  screen integer,
  constraint screen_pairing_code_key UNIQUE (code),
  constraint screen_pairing_pkey PRIMARY KEY (secret_hash),
  constraint screen_pairing_screen_fkey FOREIGN KEY (screen) REFERENCES screen(id) ON DELETE CASCADE
);

create table session (
  id integer not null generated always as identity,
  token_hash bytea not null,
  account integer not null,
  created_at timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  address text not null,
  agent text not null,
  constraint session_token_hash_key UNIQUE (token_hash),
  constraint session_pkey PRIMARY KEY (id),
  constraint session_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE
);

create table sign_in_link (
  token_hash bytea not null,
  account integer not null,
  expires_at timestamp with time zone not null,
  constraint sign_in_link_pkey PRIMARY KEY (token_hash),
  constraint sign_in_link_account_fkey FOREIGN KEY (account) REFERENCES account(id) ON DELETE CASCADE
);

create table spool_progress (
  stream text not null,
  seq bigint not null,
  at timestamp with time zone not null default now(),
  constraint spool_progress_pkey PRIMARY KEY (stream)
);

create table state_span (
  point_id integer not null,
  since timestamp with time zone not null,
  state double precision,
  constraint state_span_pkey PRIMARY KEY (point_id, since)
);

create table station (
  id integer not null generated always as identity,
  code text not null,
  name text not null,
  kind text not null,
  domain text not null,
  district text,
  lon double precision,
  lat double precision,
  gateway text,
  origin text,
  maintenance boolean not null default false,
  created_at timestamp with time zone not null default now(),
  owner text,
  feeder text,
  constraint station_code_key UNIQUE (code),
  constraint station_pkey PRIMARY KEY (id),
  constraint station_district_fkey FOREIGN KEY (district) REFERENCES district(adcode),
  constraint station_domain_fkey FOREIGN KEY (domain) REFERENCES domain(code),
  constraint station_feeder_fkey FOREIGN KEY (feeder) REFERENCES station(code) ON DELETE SET NULL,
  constraint station_kind_fkey FOREIGN KEY (kind) REFERENCES station_kind(code),
  constraint station_check CHECK ((feeder <> code)),
  constraint station_code_check CHECK ((code ~ '^[A-Za-z0-9_.-]{1,64}$'::text))
);

create table station_kind (
  code text not null,
  domain text,
  name_zh text not null,
  name_en text not null,
  constraint station_kind_pkey PRIMARY KEY (code),
  constraint station_kind_domain_fkey FOREIGN KEY (domain) REFERENCES domain(code)
);

create table station_link (
  station text not null,
  online boolean not null,
  since timestamp with time zone not null,
  constraint station_link_pkey PRIMARY KEY (station)
);

create table threshold (
  metric text not null,
  scope text not null default 'city'::text,
  "position" smallint not null,
  severity smallint not null,
  basis text not null,
  op text,
  value double precision,
  unit text not null,
  condition_zh text,
  condition_en text,
  hold_samples smallint not null,
  deadband real not null,
  source text not null,
  evidence character(1) not null,
  source_verified boolean not null,
  constraint threshold_pkey PRIMARY KEY (metric, scope, "position"),
  constraint threshold_metric_fkey FOREIGN KEY (metric) REFERENCES metric(code),
  constraint threshold_basis_check CHECK ((basis = ANY (ARRAY['absolute'::text, 'set_point'::text, 'design'::text, 'baseline'::text, 'curve'::text, 'condition'::text]))),
  constraint threshold_check CHECK (((basis = 'condition'::text) = (op IS NULL))),
  constraint threshold_evidence_check CHECK ((evidence = ANY (ARRAY['S'::bpchar, 'M'::bpchar, 'J'::bpchar]))),
  constraint threshold_op_check CHECK ((op = ANY (ARRAY['<'::text, '<='::text, '>'::text, '>='::text, 'outside'::text]))),
  constraint threshold_severity_check CHECK (((severity >= 1) AND (severity <= 4)))
);

create table tier (
  name text not null,
  relation text not null,
  coarser text[] not null,
  zone text,
  gone_before timestamp with time zone,
  constraint tier_relation_key UNIQUE (relation),
  constraint tier_pkey PRIMARY KEY (name),
  constraint tier_name_check CHECK ((name = ANY (ARRAY['raw'::text, '1m'::text, '15m'::text, '1h'::text, '1d'::text])))
);

create table waiting_point (
  station text not null,
  metric text not null,
  domain text,
  first_seen timestamp with time zone not null,
  last_seen timestamp with time zone not null,
  times bigint not null,
  sample text not null,
  constraint waiting_point_pkey PRIMARY KEY (station, metric)
);

create table waiting_reading (
  station text not null,
  metric text not null,
  observed_at timestamp with time zone not null,
  received_at timestamp with time zone not null,
  value double precision not null,
  quality smallint not null,
  source text not null,
  constraint waiting_reading_pkey PRIMARY KEY (station, metric, observed_at)
);

-- indexes

CREATE INDEX alarm_cause ON public.alarm USING btree (cause) WHERE (cause IS NOT NULL);
CREATE INDEX alarm_event_alarm ON public.alarm_event USING btree (alarm, id);
CREATE INDEX alarm_event_at ON public.alarm_event USING btree (at);
CREATE INDEX alarm_event_to_notice ON public.alarm_event USING btree (id) WHERE ((ring OR (kind = 'passed_up'::text)) AND (NOT noticed));
CREATE INDEX alarm_open ON public.alarm USING btree (severity, active_at) WHERE (state <> 'normal'::text);
CREATE INDEX alarm_open_of ON public.alarm USING btree (rule, subject) WHERE (state <> 'normal'::text);
CREATE INDEX alarm_subject ON public.alarm USING btree (subject, active_at DESC);
CREATE INDEX alarm_time ON public.alarm USING btree (active_at DESC, id);
CREATE INDEX api_token_account ON public.api_token USING btree (account);
CREATE INDEX audit_action ON public.audit USING btree (action, id DESC);
CREATE INDEX audit_actor ON public.audit USING btree (actor, id DESC);
CREATE INDEX dirty_range_hour ON public.dirty_range USING btree (hour);
CREATE INDEX duty_shift_time ON public.duty_shift USING btree (starts_at, ends_at);
CREATE INDEX notice_item_notice ON public.notice_item USING btree (notice);
CREATE INDEX notice_item_waits ON public.notice_item USING btree (route) WHERE (notice IS NULL);
CREATE INDEX notice_pending ON public.notice USING btree (next_at) WHERE (state = 'pending'::text);
CREATE INDEX notice_route_time ON public.notice USING btree (route, created_at DESC);
CREATE INDEX quality_mark_observed_at_idx ON public.quality_mark USING btree (observed_at DESC);
CREATE INDEX reading_conflict_id ON public.reading_conflict USING btree (id DESC);
CREATE INDEX reading_conflict_received_at_idx ON public.reading_conflict USING btree (received_at DESC);
CREATE INDEX reading_observed_at_idx ON public.reading USING btree (observed_at DESC);
CREATE INDEX rejection_at_idx ON public.rejection USING btree (at DESC);
CREATE INDEX rejection_id ON public.rejection USING btree (id DESC);
CREATE INDEX session_account ON public.session USING btree (account);
CREATE INDEX sign_in_link_account ON public.sign_in_link USING btree (account);
CREATE INDEX station_feeder ON public.station USING btree (feeder) WHERE (feeder IS NOT NULL);
CREATE UNIQUE INDEX account_username ON public.account USING btree (lower(username));
CREATE UNIQUE INDEX alarm_active ON public.alarm USING btree (rule, subject) WHERE ((returned_at IS NULL) AND (NOT superseded));
CREATE UNIQUE INDEX alarm_rule_active ON public.alarm_rule USING btree (code) WHERE active;
CREATE UNIQUE INDEX quality_mark_identity ON public.quality_mark USING btree (point_id, observed_at);
CREATE UNIQUE INDEX reading_identity ON public.reading USING btree (point_id, observed_at);

-- triggers

CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER station_feeder_inserted AFTER INSERT ON public.station REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_feeder_circle();
CREATE TRIGGER station_feeder_updated AFTER UPDATE ON public.station REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION refuse_feeder_circle();
CREATE TRIGGER station_moves AFTER UPDATE OF district, origin ON public.station FOR EACH ROW WHEN (((old.district IS DISTINCT FROM new.district) OR (old.origin IS DISTINCT FROM new.origin))) EXECUTE FUNCTION begin_districts_anew();

-- hypertables

-- hypertable district_1h by bucket, chunks of 30 days, columnstore
-- hypertable quality_mark by observed_at, chunks of 7 days
-- hypertable reading by observed_at, chunks of 1 day, columnstore
-- hypertable reading_conflict by received_at, chunks of 7 days
-- hypertable rejection by at, chunks of 7 days

-- roll-ups

-- continuous aggregate reading_15m, real-time
 SELECT point_id,
    time_bucket('00:15:00'::interval, bucket) AS bucket,
    min(min) AS min,
    max(max) AS max,
    sum(sum) AS sum,
    first(first, bucket) FILTER (WHERE (count > 0)) AS first,
    last(last, bucket) FILTER (WHERE (count > 0)) AS last,
    (sum(count))::integer AS count,
    (sum(uncertain))::integer AS uncertain,
    (sum(bad))::integer AS bad
   FROM reading_1m
  GROUP BY point_id, (time_bucket('00:15:00'::interval, bucket));

-- continuous aggregate reading_1d, real-time
 SELECT point_id,
    time_bucket('1 day'::interval, bucket, 'Asia/Shanghai'::text) AS bucket,
    min(min) AS min,
    max(max) AS max,
    sum(sum) AS sum,
    first(first, bucket) FILTER (WHERE (count > 0)) AS first,
    last(last, bucket) FILTER (WHERE (count > 0)) AS last,
    (sum(count))::integer AS count,
    (sum(uncertain))::integer AS uncertain,
    (sum(bad))::integer AS bad
   FROM reading_15m
  GROUP BY point_id, (time_bucket('1 day'::interval, bucket, 'Asia/Shanghai'::text));

-- continuous aggregate reading_1h, real-time
 SELECT point_id,
    time_bucket('01:00:00'::interval, bucket) AS bucket,
    min(min) AS min,
    max(max) AS max,
    sum(sum) AS sum,
    first(first, bucket) FILTER (WHERE (count > 0)) AS first,
    last(last, bucket) FILTER (WHERE (count > 0)) AS last,
    (sum(count))::integer AS count,
    (sum(uncertain))::integer AS uncertain,
    (sum(bad))::integer AS bad
   FROM reading_15m
  GROUP BY point_id, (time_bucket('01:00:00'::interval, bucket));

-- continuous aggregate reading_1m, real-time
 SELECT point_id,
    time_bucket('00:01:00'::interval, observed_at) AS bucket,
    min(COALESCE(value, ((digits)::double precision / (per)::double precision))) FILTER (WHERE (quality < 2)) AS min,
    max(COALESCE(value, ((digits)::double precision / (per)::double precision))) FILTER (WHERE (quality < 2)) AS max,
    sum(COALESCE(value, ((digits)::double precision / (per)::double precision))) FILTER (WHERE (quality < 2)) AS sum,
    first(COALESCE(value, ((digits)::double precision / (per)::double precision)), observed_at) FILTER (WHERE (quality < 2)) AS first,
    last(COALESCE(value, ((digits)::double precision / (per)::double precision)), observed_at) FILTER (WHERE (quality < 2)) AS last,
    (count(*) FILTER (WHERE (quality < 2)))::integer AS count,
    (count(*) FILTER (WHERE (quality = 1)))::integer AS uncertain,
    (count(*) FILTER (WHERE (quality >= 2)))::integer AS bad
   FROM reading
  GROUP BY point_id, (time_bucket('00:01:00'::interval, observed_at));

-- views for analysts

-- analyst.alarm
--   active_at timestamp with time zone, returned_at timestamp with time zone, severity smallint, state text, rule text, kind text, subject text, station text, station_name text, metric text, metric_zh text, metric_en text, domain text, district text, district_name text, value double precision, limit_value double precision, extreme double precision, unit text, worst smallint, rang_at timestamp with time zone, ack_at timestamp with time zone, ack_by text, escalation smallint, recurrences integer, members integer, suppressed_by text, superseded boolean, cause text, id text
-- analyst.alarm_event
--   at timestamp with time zone, kind text, severity smallint, value double precision, by text, note text, alarm text, rule text, station text, metric text, domain text
-- analyst.balance
--   minute timestamp with time zone, source text, received bigint, stored bigint, duplicate bigint, conflict bigint, rejected bigint, waiting bigint, closes boolean
-- analyst.district_1h
--   bucket timestamp with time zone, metric text, district text, district_name text, min double precision, mean double precision, max double precision, count integer, bad integer, unit text, metric_zh text, metric_en text, domain text, sum double precision, uncertain integer
-- analyst.latest
--   observed_at timestamp with time zone, station text, metric text, value double precision, unit text, quality text, received_at timestamp with time zone, station_name text, metric_zh text, metric_en text, domain text, district text, district_name text, origin text, point_id integer
-- analyst.point
--   point_id integer, station text, station_name text, domain text, district text, district_name text, metric text, metric_zh text, metric_en text, unit text, metric_kind text, interval_s real, physical_min double precision, physical_max double precision, origin text
-- analyst.reading
--   observed_at timestamp with time zone, station text, metric text, value double precision, unit text, quality text, received_at timestamp with time zone, station_name text, metric_zh text, metric_en text, domain text, district text, district_name text, origin text, point_id integer
-- analyst.reading_15m
--   bucket timestamp with time zone, station text, metric text, min double precision, mean double precision, max double precision, count bigint, bad bigint, unit text, sum double precision, first double precision, last double precision, station_name text, metric_zh text, metric_en text, domain text, district text, district_name text, origin text, point_id integer, uncertain bigint, good bigint, expected double precision, counted double precision
-- analyst.reading_1d
--   bucket timestamp with time zone, station text, metric text, min double precision, mean double precision, max double precision, count bigint, bad bigint, unit text, sum double precision, first double precision, last double precision, station_name text, metric_zh text, metric_en text, domain text, district text, district_name text, origin text, point_id integer, uncertain bigint, good bigint, expected double precision, counted double precision
-- analyst.reading_1h
--   bucket timestamp with time zone, station text, metric text, min double precision, mean double precision, max double precision, count bigint, bad bigint, unit text, sum double precision, first double precision, last double precision, station_name text, metric_zh text, metric_en text, domain text, district text, district_name text, origin text, point_id integer, uncertain bigint, good bigint, expected double precision, counted double precision
-- analyst.reading_1m
--   bucket timestamp with time zone, station text, metric text, min double precision, mean double precision, max double precision, count bigint, bad bigint, unit text, sum double precision, first double precision, last double precision, station_name text, metric_zh text, metric_en text, domain text, district text, district_name text, origin text, point_id integer, uncertain bigint, good bigint, expected double precision, counted double precision
-- analyst.state_span
--   since timestamp with time zone, until timestamp with time zone, station text, metric text, state double precision, state_zh text, state_en text, seconds double precision, station_name text, metric_zh text, metric_en text, domain text, district text, origin text, point_id integer
-- analyst.station
--   station text, name text, kind text, kind_zh text, kind_en text, domain text, domain_zh text, domain_en text, district text, district_name text, district_name_en text, lon double precision, lat double precision, gateway text, owner text, maintenance boolean, origin text, registered_at timestamp with time zone

-- policies

-- every 00:01:00: policy_refresh_continuous_aggregate reading_1m end_offset=00:02:00 start_offset=02:00:00
-- every 00:10:00: roll_up_districts  
-- every 00:15:00: policy_refresh_continuous_aggregate reading_15m end_offset=02:00:00 start_offset=43776:00:00
-- every 00:15:00: policy_refresh_continuous_aggregate reading_1m end_offset=02:00:00 start_offset=17496:00:00
-- every 00:30:00: policy_refresh_continuous_aggregate reading_1h end_offset=02:00:00 start_offset=87576:00:00
-- every 01:00:00: policy_refresh_continuous_aggregate reading_1d end_offset=02:00:00 start_offset=87576:00:00
-- every 01:00:00: refresh_asked  
-- every 1 day: retire_records  keep_days=730
-- every 12:00:00: policy_compression district_1h compress_after=60 days
-- every 12:00:00: policy_compression reading compress_after=3 days
-- every 12:00:00: policy_compression reading_15m compress_after=10 days
-- every 12:00:00: policy_compression reading_1d compress_after=400 days
-- every 12:00:00: policy_compression reading_1h compress_after=8 days
-- every 12:00:00: policy_compression reading_1m compress_after=7 days
-- every 12:00:00: retire  keep_days=1825 relation=reading_1m
-- every 12:00:00: retire  keep_days=3650 relation=reading_15m
-- every 12:00:00: retire  keep_days=730 relation=reading
-- every 12:00:00: retire  keep_days=7300 relation=reading_1h
