-- new: public.orders (customer_id, placed_at)
-- One index for both: that of customer_id alone would be covered by it.
create table orders (id int primary key, customer_id int not null, placed_at timestamptz not null, note text);
insert into orders select i, (i::bigint * 7919)::int8 % 100, '2024-01-01'::timestamptz + ((i::bigint * 104729) % 500000) * interval '1 minute', repeat('x', 80) from generate_series(1, 60000) i;
-- workload
select * from orders where customer_id = $1 order by placed_at desc limit 5;
select count(note) from orders where customer_id = $1;
