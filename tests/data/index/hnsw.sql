-- new: public.texts USING hnsw (embedding vector_cosine_ops)
create extension vector;
create table texts (id int primary key, embedding vector(8) not null, body text);
insert into texts select i, ('[' || sin(i) || ',' || cos(i) || ',' || sin(i * 2) || ',' || cos(i * 3) || ',' || sin(i * 5) || ',' || cos(i * 7) || ',' || sin(i * 11) || ',' || cos(i * 13) || ']')::vector, repeat('x', 100) from generate_series(1, 30000) i;
-- workload
select id, body from texts order by embedding <=> '[1,0,0,1,0,0,1,0]' limit 10;
