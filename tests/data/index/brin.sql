-- new: public.readings USING brin (at)
create table readings (at timestamptz not null, sensor int not null, value float8 not null, raw text);
insert into readings select '2024-01-01'::timestamptz + i * interval '1 second', i % 100, i, repeat('x', 120) from generate_series(1, 200000) i;
-- workload
-- calls: 10
select max(value) from readings where at >= '2024-01-02' and at < '2024-01-02 06:00';
-- calls: 200000, rows: 1
insert into readings values (now(), $1, $2, $3);
