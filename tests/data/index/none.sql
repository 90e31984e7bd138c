-- Nothing pays: the table is small, the statement reads all of the other, the key has its index.
create table small (id int primary key, kind int);
create table large (id int primary key, kind int, body text);
insert into small select i, i % 5 from generate_series(1, 50) i;
insert into large select i, i % 5, repeat('x', 80) from generate_series(1, 40000) i;
-- workload
select * from small where kind = 3;
select kind, count(*), max(body) from large group by kind;
select * from large where id = 7;
