select c.tableoid::bigint << 32 | c.oid::bigint as oid, pg_relation_size(c.oid) as size_bytes
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'i' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
