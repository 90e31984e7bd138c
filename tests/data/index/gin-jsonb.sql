-- new: public.docs USING gin (doc jsonb_path_ops)
create table docs (id int primary key, doc jsonb not null);
insert into docs select i, jsonb_build_object('user', (i::bigint * 7919) % 9000, 'kind', i % 7, 'text', md5(i::text)) from generate_series(1, 50000) i;
-- workload
select id from docs where doc @> '{"user": 77}';
