-- Tables of a page or two need no index but their keys, however often they are asked.
create table kinds (id int primary key, name text not null, sort int not null);
insert into kinds select i, 'k' || i, i % 7 from generate_series(1, 40) i;
-- workload
-- calls: 1000000
select * from kinds where name = 'k7';
-- calls: 1000000
select * from kinds order by sort;
