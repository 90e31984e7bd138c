-- The index that a statement was to make, or to drop, when it was cut: its name as SQL, and whether it is valid.
select pg_catalog.format('%I.%I', n.nspname, c.relname), i.indisvalid
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_index i on i.indexrelid = c.oid
 where c.relname = $2 and case when $1 = '' then pg_catalog.pg_table_is_visible(c.oid) else n.nspname = $1 end
