-- new: public.pages USING hash (url)
create table pages (id int primary key, url text not null, title text);
insert into pages select i, 'https://www.example.com/' || md5(i::text) || '/' || md5((i + 1)::text) || '/' || md5((i + 2)::text), repeat('x', 60) from generate_series(1, 60000) i;
-- workload
select title from pages where url = $1;
