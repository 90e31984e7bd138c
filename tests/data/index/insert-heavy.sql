-- Ten million rows come a day, and one statement a day would look into them.
create table readings (at timestamptz not null, sensor int not null, value float8 not null);
insert into readings select '2024-01-01'::timestamptz + i * interval '1 second', (i::bigint * 7919) % 100, i from generate_series(1, 50000) i;
-- workload
-- calls: 1
select max(value) from readings where sensor = 7;
-- calls: 10000000, rows: 1
insert into readings values (now(), $1, $2);
