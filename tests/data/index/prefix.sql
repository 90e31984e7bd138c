-- new: public.codes (code)
create table codes (id int primary key, code text not null, note text);
insert into codes select i, md5(i::text), repeat('x', 100) from generate_series(1, 50000) i;
-- workload
select * from codes where code like 'abc1%';
