-- A table and, where it is partitioned, all partitions.
select pg_catalog.format('%I.%I', n.nspname, c.relname)
  from (select $1::pg_catalog.regclass as relid union select p.relid from pg_catalog.pg_partition_tree($1::pg_catalog.regclass) p) t
  join pg_catalog.pg_class c on c.oid = t.relid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 order by c.oid
