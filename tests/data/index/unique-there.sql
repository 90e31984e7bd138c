-- The unique key serves; its own index in other words would be a second one.
create table users (id int primary key, email text not null unique, note text);
insert into users select i, 'u' || i || '@example.com', repeat('x', 80) from generate_series(1, 40000) i;
-- workload
select * from users where email = $1;
select * from users where id = $1;
update users set note = $1 where id = $2;
