-- A report a day over a column that every update changes: an index would make a million updates other than HOT.
create table accounts (id int primary key, owner int not null, balance int not null, note text) with (fillfactor = 80);
insert into accounts select i, i % 1000, ((i::bigint * 7919) % 100000)::int, repeat('x', 80) from generate_series(1, 50000) i;
-- workload
-- calls: 1
select * from accounts where balance between 500 and 520;
-- calls: 1000000, rows: 1
update accounts set balance = balance + $1 where id = $2;
