-- new: public.events (device_id, at)
create table events (id int primary key, device_id int not null, at timestamptz not null, body text);
insert into events select i, (i::bigint * 7919)::int8 % 20, '2024-01-01'::timestamptz + ((i::bigint * 104729) % 500000) * interval '1 minute', repeat('x', 100) from generate_series(1, 60000) i;
-- workload
select * from events where device_id = $1 order by at desc limit 10;
