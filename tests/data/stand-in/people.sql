-- Every kind of column that a stand-in makes values for, with leaning, missing, repeating and dependent values.
create extension if not exists citext;
select setseed(0.17);
create type mood as enum ('calm', 'glad', 'cross', 'tired');
create domain mail as citext check (value ~ '^[^@]+@[^@]+$');
create domain small as int check (value between 0 and 1000);
create table person (
  id uuid primary key default gen_random_uuid(), email mail not null unique, name text not null, born date, height numeric(4,1), mood mood, level small not null,
  tags text[] not null, seen timestamptz, home inet, settings jsonb not null, note varchar(40), active boolean not null default true, score real, waits interval, wakes time,
  initials char(2), upper_name text generated always as (upper(name)) stored
);
insert into person
select md5(i::text)::uuid, 'p' || i || '@' || (array['a.org', 'b.example', 'mail.test'])[1 + i % 3], initcap(substr(md5((i % 7000)::text), 1, 3 + i % 9)) || ' ' || initcap(substr(md5((i / 3)::text), 1, 4 + i % 6)),
       case when i % 13 = 0 then null else date '1940-01-01' + floor(27000 * random() ^ 0.7)::int end, round((120 + 90 * (random() + random() + random()) / 3)::numeric, 1),
       (array['calm', 'glad', 'glad', 'cross', 'tired', null])[1 + i % 6]::mood, floor(1000 * random() ^ 2)::int,
       array(select 'tag' || floor(60 * random() ^ 2)::int from generate_series(1, 1 + i % 4)), case when random() < 0.2 then null else timestamptz '2024-01-01 00:00:00+00' + i * interval '7 minutes' + random() * interval '2 days' end,
       ('10.' || i % 200 || '.' || (i / 200) % 250 || '.' || 1 + i % 9)::inet, jsonb_build_object('theme', (array['dark', 'light'])[1 + i % 2], 'size', i % 30),
       case when i % 5 = 0 then null else 'note ' || i % 400 end, i % 9 <> 0, (random() * 50)::real, (i % 600) * interval '1 minute', time '05:00' + (i % 240) * interval '1 minute', chr(65 + i % 26) || chr(65 + (i / 26) % 26)
  from generate_series(1, 20000) i;
create table team (id int primary key, name text not null unique, lead uuid references person);
insert into team select i * 10, 'Team ' || i, md5((i * 7)::text)::uuid from generate_series(1, 900) i;
create table membership (team int not null references team, person uuid not null references person, since date not null, role text not null, primary key (team, person));
insert into membership select 10 * (1 + floor(900 * random() ^ 1.5)::int), md5((1 + floor(20000 * random()))::int::text)::uuid, date '2020-01-01' + i / 60, (array['member', 'member', 'member', 'owner', 'guest'])[1 + i % 5]
  from generate_series(1, 60000) i on conflict do nothing;
create table event (id bigint generated always as identity, at timestamptz not null, person uuid not null references person, kind text not null, amount int check (amount >= 0), primary key (id, at)) partition by range (at);
create table event_1 partition of event for values from ('2025-01-01') to ('2025-02-01');
create table event_2 partition of event for values from ('2025-02-01') to ('2025-03-01');
insert into event (at, person, kind, amount) select timestamptz '2025-01-01 00:00:00+00' + i * interval '61 seconds', md5((1 + floor(20000 * random() ^ 2))::int::text)::uuid, 'k' || floor(8 * random() ^ 2)::int, floor(500 * random() ^ 3)::int
  from generate_series(1, 80000) i;
create index on event (person); create index on event (kind, at); create index on membership (person); create index on person (born); create index on person using gin (tags); create index on person (lower(name));
