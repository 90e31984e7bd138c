-- The columns of the primary key of table $1, in order, with their types; how many rows it has, about.
select pg_catalog.format('%I', a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod),
       (select pg_catalog.sum(greatest(t.reltuples, 0)) from pg_catalog.pg_class t
         where t.oid = i.indrelid or t.oid in (select p.relid from pg_catalog.pg_partition_tree(i.indrelid) p where p.isleaf))
  from pg_catalog.pg_index i
  cross join pg_catalog.unnest(i.indkey) with ordinality k(attnum, place)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
 where i.indrelid = $1::pg_catalog.regclass and i.indisprimary and k.place <= i.indnkeyatts
 order by k.place
