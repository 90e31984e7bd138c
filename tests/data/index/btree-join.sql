-- new: public.items (order_id)
create table orders (id int primary key, code text not null);
create table items (id int primary key, order_id int not null, what text);
insert into orders select i, md5(i::text) from generate_series(1, 20000) i;
insert into items select i, (i::bigint * 7919)::int8 % 20000 + 1, repeat('x', 60) from generate_series(1, 80000) i;
-- workload
select o.code, i.what from orders o join items i on i.order_id = o.id where o.id = 77;
