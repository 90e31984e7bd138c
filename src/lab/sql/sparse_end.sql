-- Facts into pg_class, statistics into pg_statistic.
update pg_class c
   set relpages = least(greatest(f.pages, 0), 2147483647)::int, reltuples = least(greatest(f.tuples, -1), 1e38)::float4,
       relallvisible = least(greatest(f.all_visible, 0), 2147483647)::int
  from facts_in f
  join pg_namespace n on n.nspname = f.namespace
 where c.relnamespace = n.oid and c.relname = f.relation and c.relkind in ('r', 'm', 'i') and pg_temp.is_own(c);
do $$
begin
  perform pg_temp.take(s, a.attrelid, a.attnum, a.atttypid, a.attcollation)
     from statistics_in s
     join pg_namespace n on n.nspname = s.namespace
     join pg_class c on c.relnamespace = n.oid and c.relname = s.relation and pg_temp.is_own(c)
     join pg_attribute a on a.attrelid = c.oid and a.attname = s.attribute and a.attnum > 0 and not a.attisdropped
    where s.kind = 'relation' and pg_temp.stores_its_values(a.attrelid, a.attnum)
      and not exists (select from pg_statistic x where x.starelid = a.attrelid and x.staattnum = a.attnum and x.stainherit = s.inherited);
end $$;
insert into failed
select format('%s.%s.%s', s.namespace, s.relation, s.attribute), 'an index that stores other values than its expression''s needs the planner module'
  from statistics_in s
  join pg_namespace n on n.nspname = s.namespace
  join pg_class c on c.relnamespace = n.oid and c.relname = s.relation and pg_temp.is_own(c)
  join pg_attribute a on a.attrelid = c.oid and a.attname = s.attribute
 where s.kind = 'relation' and not pg_temp.stores_its_values(a.attrelid, a.attnum);
insert into failed
select distinct format('%s.%s', namespace, object), 'multi-column and expression statistics need the planner module'
  from (select namespace, object from extended_in union select namespace, relation from statistics_in where kind = 'object') o
