-- new: public.items (order_id)
create table orders (id int primary key, code text not null);
create table items (id int primary key, order_id int not null references orders, what text);
insert into orders select i, md5(i::text) from generate_series(1, 2000) i;
insert into items select i, (i::bigint * 7919)::int8 % 2000 + 1, repeat('x', 60) from generate_series(1, 60000) i;
-- workload
delete from orders where id = $1;
