-- new: public.articles USING gin ((to_tsvector('english'::regconfig, body)))
create table articles (id int primary key, body text not null);
insert into articles select i, 'word' || (i::bigint * 7919) % 5000 || ' other' || i % 977 || ' ' || md5(i::text) from generate_series(1, 30000) i;
-- workload
select id from articles where to_tsvector('english', body) @@ to_tsquery('english', 'word77');
