-- The sequences that this role may read.  Their positions are then selected from the sequences themselves: the view
-- pg_sequences would take ROW EXCLUSIVE on each (pg_sequence_last_value, sequence.c), a SELECT takes ACCESS SHARE.
select n.nspname as schema, c.relname as name, (1259::bigint << 32 | c.oid::bigint)::text as oid
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'S' and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT')
 order by c.oid
