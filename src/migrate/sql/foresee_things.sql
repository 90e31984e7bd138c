-- Tables that hold rows of their own, each before its columns: number, column's number, name as SQL, column's name and type.
select c.oid::pg_catalog.text, a.attnum::pg_catalog.text, pg_catalog.format('%I.%I', n.nspname, c.relname), case when a.attnum is not null then pg_catalog.format('%I', a.attname) end, a.type
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join lateral (select null::pg_catalog.int2 as attnum, null::pg_catalog.name as attname, null::pg_catalog.text as type
                     union all
                     select a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) a on true
 where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema', 'dbarch') and n.nspname !~ '^pg_'
 order by c.oid, a.attnum nulls first
