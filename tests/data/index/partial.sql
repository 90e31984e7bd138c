-- new: public.jobs (queued_at) WHERE (state = 'failed'::text)
create table jobs (id int primary key, state text not null, queued_at timestamptz not null, body text);
insert into jobs select i, case when i % 400 = 0 then 'failed' when i % 2 = 0 then 'done' else 'new' end, '2024-01-01'::timestamptz + ((i::bigint * 104729) % 500000) * interval '1 minute', repeat('x', 100) from generate_series(1, 80000) i;
-- workload
-- calls: 1000
select * from jobs where state = 'failed' order by queued_at limit 20;
-- calls: 5000, rows: 1
insert into jobs values ($1, $2, now(), $3);
