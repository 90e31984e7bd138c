-- A table, and all that inherit from it: partitions too.
with recursive below as (
  select $1::pg_catalog.regclass::pg_catalog.oid as relid
  union
  select i.inhrelid from below b join pg_catalog.pg_inherits i on i.inhparent = b.relid
)
select pg_catalog.format('%I.%I', n.nspname, c.relname)
  from below b
  join pg_catalog.pg_class c on c.oid = b.relid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 order by c.oid
