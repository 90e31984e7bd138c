-- Tables for hypothetical indexes: keys of every width and with every number of duplicates, values that repeat, lean and are missing.
create extension if not exists pg_trgm;
create extension if not exists btree_gist;
select setseed(0.42);
create table customer (id int primary key, email text not null, name text, country text, joined timestamptz, tags text[], notes jsonb);
alter table customer alter id set statistics 300; -- the sample holds all rows: the same statistics every time
insert into customer
select i, 'user' || i || '@' || (array['example.org', 'mail.example.com', 'x.io'])[1 + i % 3],
       case when i % 11 = 0 then null else initcap(substr(md5(i::text), 1, 4 + i % 9)) || ' ' || initcap(substr(md5((i / 7)::text), 1, 3 + i % 13)) end,
       (array['de', 'fr', 'us', 'gb', 'jp', 'br'])[1 + floor(6 * random() ^ 2)::int], timestamptz '2020-01-01 00:00:00+00' + i * interval '13 minutes',
       array(select 'tag' || floor(200 * random() ^ 3)::int from generate_series(1, 1 + i % 5)),
       jsonb_build_object('plan', (array['free', 'pro', 'team'])[1 + i % 3], 'seats', i % 40, 'ref', md5((i % 5000)::text))
  from generate_series(1, 60000) i;
create table purchase (id bigint primary key, customer_id int not null references customer, status text not null, total numeric(12, 2) not null, paid_at timestamptz,
  note text, code uuid not null, kind int2, weight float8, ip inet, during tstzrange, place point, body tsvector, shipped date);
alter table purchase alter total set statistics 1000; -- its ends are in the histogram
insert into purchase
select i, 1 + floor(60000 * random() ^ 1.7)::int, (array['new', 'paid', 'sent', 'done', 'done', 'done', 'done', 'back'])[1 + floor(8 * random())::int],
       round((5 + 400 * random() ^ 3)::numeric, 2), case when random() < 0.3 then null else timestamptz '2023-01-01 00:00:00+00' + i * interval '41 seconds' end,
       case when random() < 0.8 then null else repeat(md5(i::text), 1 + i % 4) end, md5(i::text || 'c')::uuid, (i % 37)::int2, random() * 1000, ('10.' || i % 250 || '.' || (i / 250) % 250 || '.' || i % 9)::inet,
       tstzrange(timestamptz '2023-01-01 00:00:00+00' + i * interval '41 seconds', timestamptz '2023-01-01 00:00:00+00' + (i + 1000 * random()) * interval '41 seconds'),
       point(random() * 100, random() * 100), to_tsvector('english', 'order ' || (i % 900) || ' word' || floor(3000 * random() ^ 2)::int || ' for ' || md5((i % 20000)::text)), date '2023-01-01' + (i / 2000)
  from generate_series(1, 250000) i;
create table reading (sensor int not null, at timestamptz not null, value float8, state text) partition by range (at);
create table reading_1 partition of reading for values from ('2024-01-01') to ('2024-02-01');
create table reading_2 partition of reading for values from ('2024-02-01') to ('2024-03-01');
insert into reading select i % 500, timestamptz '2024-01-01 00:00:00+00' + i * interval '25 seconds', random() * 40, (array['ok', 'ok', 'ok', 'low', 'off'])[1 + i % 5] from generate_series(1, 200000) i;
