-- NULL where the sequence was never used or the role may not read it.
select 1259::bigint << 32 | c.oid::bigint as oid, true as has_last_value, s.last_value as last_value
  from pg_sequences s
  join pg_namespace n on n.nspname = s.schemaname
  join pg_class c on c.relnamespace = n.oid and c.relname = s.sequencename
 where s.last_value is not null
