-- new: public.sales (region) INCLUDE (amount)
create table sales (id int primary key, region int not null, amount numeric(10,2) not null, note text);
insert into sales select i, (i::bigint * 7919)::int8 % 10, i % 1000, repeat('x', 200) from generate_series(1, 60000) i;
-- workload
select sum(amount) from sales where region = 3;
