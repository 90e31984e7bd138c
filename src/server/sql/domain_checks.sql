select t.tableoid::bigint << 32 | t.oid::bigint as parent,
       k.conname as name,
       pg_get_constraintdef(k.oid) as definition,
       not k.convalidated as not_valid
  from pg_constraint k
  join pg_type t on t.oid = k.contypid
  join pg_namespace n on n.oid = t.typnamespace
 where k.contype = 'c' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by t.oid, k.conname
