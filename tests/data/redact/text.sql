-- Values in every place of a schema's text.  Planted words begin with Zq and planted numbers are the 77-thousands: none may be in a file
-- that was taken with --redact=schema.
create extension btree_gist;
create type "Stage" as enum ('ZqDraft', 'ZqSent', 'ZqPaid');
create domain grade as int default 77001 check (value between 77000 and 77099) check (value <> 77098);
create domain word as text check (value in ('ZqRed', 'ZqBlue'));
create function zq_hidden(a text default 'ZqDefault') returns text language sql immutable as $$ select coalesce(a, 'ZqBody') $$;
create function rise(n int) returns int language sql immutable begin atomic select n + 77123; end;
create function label(n int) returns text language plpgsql immutable as $$ begin return 'ZqLabel' || n; end $$;
create function two(out a int, out b text) language sql as $$ select 77200, 'ZqTwo'::text $$;
create function many() returns setof int language sql as $$ select 77201 $$;
create procedure tidy() language plpgsql as $$ begin raise notice 'ZqTidy'; end $$;
create function keyed() returns int language plpgsql set app.key = 'ZqKey' set search_path = 'ZqPath' as $$ begin return 77202; end $$;
create sequence steps start 77900 minvalue 77900 maxvalue 77999;
create function touch() returns trigger language plpgsql as $$ begin new.note = 'ZqTouched'; return new; end $$;
create table customers (id int primary key, city text not null check (city <> 'ZqNowhere'), born date check (born > '1977-07-07'), tier text default 'ZqSilver' check (tier in ('ZqSilver', 'ZqGold', 'ZqIron')),
  credit int not null default 77300 check (credit between 77300 and 77399), motto text check (motto like 'Zq%' and length(motto) < 77), stage "Stage" not null default 'ZqDraft', mark grade, colour word, stages "Stage"[]);
comment on table customers is 'ZqComment: 77400';
comment on column customers.city is 'ZqCityComment';
insert into customers select i, (array['ZqRome', 'ZqOslo', 'ZqBern'])[1 + i % 3], '1980-01-01'::date + i % 9000, (array['ZqSilver', 'ZqGold', 'ZqIron'])[1 + i % 3], 77300 + i % 99, 'Zq' || i % 50,
  (array['ZqDraft', 'ZqSent', 'ZqPaid']::"Stage"[])[1 + i * i % 3], 77000 + i % 90, (array['ZqRed', 'ZqBlue'])[1 + i % 2], array['ZqSent'::"Stage"] from generate_series(1, 9000) i;
create index customers_oslo on customers (born) where city = 'ZqOslo' and credit > 77310;
create index customers_tail on customers ((credit % 777), lower(city || 'ZqSuffix')) with (fillfactor = 77);
create index customers_ninety on customers (id) with (fillfactor = 90) where tier = '90';
create index customers_flat on customers using gist (id) with (buffering = on) where credit > 77340;
create view shown as select id, 'ZqPaid'::"Stage" as stage, coalesce(stage, 'ZqSent'::"Stage") as other from customers;
create index customers_paid on customers (id) where stage = 'ZqPaid';
create statistics customers_text on city, (credit / 77), (city || 'ZqJoin') from customers;
alter table customers add constraint customers_old check (id <> 77500) not valid;
alter table customers add column bonus int generated always as (credit + 77600) stored;
create table events (id bigint, kind text not null, stage "Stage" not null, at timestamptz not null, n int not null) partition by list (kind);
create table events_a partition of events for values in ('ZqAlpha', 'ZqBeta') partition by range (at, n);
create table events_a1 partition of events_a for values from (minvalue, minvalue) to ('2026-02-01', 77710);
create table events_a2 partition of events_a for values from ('2026-02-01', 77710) to ('2027-01-01', maxvalue);
create table events_b partition of events for values in ('ZqGamma', null) partition by list (stage);
create table events_b1 partition of events_b for values in ('ZqDraft');
create table events_b2 partition of events_b for values in ('ZqSent', 'ZqPaid');
create table events_rest partition of events default;
insert into events select i, (array['ZqAlpha', 'ZqBeta', 'ZqGamma', 'ZqDelta'])[1 + i % 4], (array['ZqDraft', 'ZqSent', 'ZqPaid']::"Stage"[])[1 + i % 3], '2026-01-01'::timestamptz + i * interval '20 minutes', 77700 + i % 40 from generate_series(1, 12000) i;
create index on events (at);
create table rooms (room int, during tsrange, state text, exclude using gist (room with =, during with &&) where (state <> 'ZqVoid'));
insert into rooms select i % 70, tsrange('2026-01-01'::timestamp + i * interval '1 hour', '2026-01-01'::timestamp + i * interval '1 hour' + interval '30 min'), 'ZqOpen' from generate_series(1, 500) i;
alter table customers enable row level security;
create policy mine on customers using (city = 'ZqOslo' or credit > 77320) with check (tier <> 'ZqIron');
create view golden as select id, city, 'ZqFlag'::text as flag from customers where tier = 'ZqGold' and credit > 77330;
create materialized view oslo as select id, born from customers where city = 'ZqOslo';
create trigger touched before update on rooms for each row when (new.state is distinct from 'ZqVoid' and old.room < 77800) execute function touch('ZqArgument EXECUTE ZqMore', 'state');
