-- new: public.products USING gin (title gin_trgm_ops)
create extension pg_trgm;
create table products (id int primary key, title text not null, body text);
insert into products select i, md5(i::text) || ' ' || md5((i + 7)::text), repeat('x', 100) from generate_series(1, 40000) i;
-- workload
select id from products where title ilike '%a3f9bc%';
