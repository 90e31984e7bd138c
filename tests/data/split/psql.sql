\connect other
\restrict abc
select 1 \gexec
select 2 \g
copy t (a, b) from stdin;
1	x;y
2	\N
3	\.z
\.
select 3;
COPY t FROM STDIN WITH (FORMAT csv);
"a;b",c
\.
copy (select 1) to stdout;
copy t from '/tmp/file';
  \i other.sql
create extension citext;
grant select on t to app;
alter database x owner to y;
with x as (insert into t values (1) returning a) select * from x;
copy u from stdin;
never ended
