-- drop: orders_customer_again
create table orders (id int primary key, customer_id int not null, note text);
create index orders_customer on orders (customer_id);
create index orders_customer_again on orders (customer_id);
insert into orders select i, (i::bigint * 7919)::int8 % 5000, repeat('x', 80) from generate_series(1, 50000) i;
-- workload
select * from orders where customer_id = 42;
