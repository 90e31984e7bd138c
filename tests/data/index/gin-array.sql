-- new: public.posts USING gin (tags)
create table posts (id int primary key, tags int[] not null, body text);
insert into posts select i, array[((i::bigint * 7919) % 3000)::int, ((i::bigint * 104729) % 3000)::int, i % 3000], repeat('x', 80) from generate_series(1, 50000) i;
-- workload
select id, body from posts where tags @> array[77];
