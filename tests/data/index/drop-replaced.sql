-- new: public.orders (customer_id, state)
-- drop: orders_state
create table orders (id int primary key, customer_id int not null, state int not null, note text);
create index orders_state on orders (state);
insert into orders select i, (i::bigint * 7919)::int8 % 2000, (i::bigint * 104729) % 500, repeat('x', 80) from generate_series(1, 60000) i;
-- workload
select * from orders where customer_id = 42 and state = 7;
