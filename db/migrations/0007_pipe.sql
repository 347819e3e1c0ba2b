-- Pipes of the utilities' networks, for the map. Where one starts and ends is a node of the network, not a station.

create table pipe (
  domain      text not null references domain,
  code        text not null,
  from_node   text not null,
  to_node     text not null,
  path        jsonb not null, -- array of [lon, lat], WGS 84, from the first node to the last
  length_m    double precision check (length_m > 0),
  diameter_mm double precision check (diameter_mm > 0),
  source      text not null, -- where the network comes from
  simulated   boolean not null, -- laid over the city for a demonstration: no such pipe lies there
  primary key (domain, code)
);
