-- new: public.scores (points desc, name)
create table scores (id int primary key, points int not null, name text not null, body text);
insert into scores select i, (i::bigint * 7919)::int8 % 3000, md5(i::text), repeat('x', 100) from generate_series(1, 60000) i;
-- workload
select * from scores order by points desc, name limit 20;
