-- new: public.orders (shop_id, placed_at)
create table orders (id int primary key, shop_id int not null, placed_at timestamptz not null, note text);
insert into orders select i, (i::bigint * 7919)::int8 % 50, '2024-01-01'::timestamptz + ((i::bigint * 104729) % 500000) * interval '1 minute', repeat('x', 80) from generate_series(1, 50000) i;
-- workload
select * from orders where shop_id = 7 and placed_at >= '2024-03-01' and placed_at < '2024-03-05';
