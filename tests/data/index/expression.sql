-- new: public.users ((lower(email)))
create table users (id int primary key, email text not null, body text);
insert into users select i, 'User' || i || '@Example.com', repeat('x', 100) from generate_series(1, 50000) i;
-- workload
select * from users where lower(email) = $1;
