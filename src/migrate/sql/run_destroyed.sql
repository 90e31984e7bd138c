-- The tables that a statement would take values of: of schema $1 (where '': that names are looked up in), named $2 ('': all of the schema), with a
-- column $3 ('': whole).
select pg_catalog.format('%I.%I', n.nspname, c.relname)
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p')
   and case when $1 = '' then pg_catalog.pg_table_is_visible(c.oid) else n.nspname = $1 end
   and ($2 = '' or c.relname = $2)
   and ($3 = '' or exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = $3 and a.attnum > 0 and not a.attisdropped))
 order by 1
