-- new: public.hosts USING spgist (net)
create table hosts (id int primary key, net inet not null, name text);
insert into hosts select i, ('10.' || i % 250 || '.' || (i / 250) % 250 || '.' || i % 199)::inet, repeat('x', 80) from generate_series(1, 50000) i;
-- workload
select * from hosts where net << '10.7.0.0/16';
