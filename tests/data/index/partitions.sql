-- new: public.logs (account)
create table logs (id int not null, month int not null, account int not null, line text) partition by list (month);
create table logs_1 partition of logs for values in (1);
create table logs_2 partition of logs for values in (2);
create table logs_3 partition of logs for values in (3);
insert into logs select i, i % 3 + 1, (i::bigint * 7919) % 4000, repeat('x', 80) from generate_series(1, 60000) i;
-- workload
select * from logs where account = 77;
