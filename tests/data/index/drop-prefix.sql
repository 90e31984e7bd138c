-- drop: orders_customer
create table orders (id int primary key, customer_id int not null, placed_at timestamptz not null, note text);
create index orders_customer on orders (customer_id);
create index orders_customer_placed on orders (customer_id, placed_at);
insert into orders select i, (i::bigint * 7919)::int8 % 500, '2024-01-01'::timestamptz + ((i::bigint * 104729) % 500000) * interval '1 minute', repeat('x', 80) from generate_series(1, 50000) i;
-- workload
select * from orders where customer_id = $1 order by placed_at desc limit 5;
select * from orders where customer_id = $1 and id > 5;
