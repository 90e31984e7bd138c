-- True sizes.  pg_relation_size takes ACCESS SHARE on each relation, so this waits behind a lock_timeout of its own and
-- may fail as a whole; sizes then come from relpages.
select c.tableoid::bigint << 32 | c.oid::bigint as oid,
       pg_relation_size(c.oid) as size_bytes,
       case when c.reltoastrelid <> 0 then pg_relation_size(c.reltoastrelid) end as toast_bytes
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
