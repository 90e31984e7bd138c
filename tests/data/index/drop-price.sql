-- drop: accounts_balance
-- Every update changes the balance: the index makes all of them lose HOT, and one report a day does not pay for that.
create table accounts (id int primary key, owner int not null, balance int not null, note text) with (fillfactor = 80);
create index accounts_balance on accounts (balance);
insert into accounts select i, i % 1000, (i::bigint * 7919) % 100000, repeat('x', 80) from generate_series(1, 50000) i;
-- workload
-- calls: 1
select * from accounts where balance between 500 and 520;
-- calls: 1000000, rows: 1
update accounts set balance = balance + $1 where id = $2;
