-- The columns whose values go with the type or domain $2 of schema $1 ('': any), or with the extension $2 where $3 is 't'.
select pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.format('%I', a.attname), pg_catalog.row_security_active(c.oid)
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
  join pg_catalog.pg_attribute a on (a.atttypid = t.oid or a.atttypid = t.typarray) and a.attnum > 0 and not a.attisdropped
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p') and not c.relispartition
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where case when $3 = 't'
            then exists (select from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
                          where d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
                            and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and e.extname = $2)
            else t.typname = $2 and ($1 = '' or tn.nspname = $1) end
 order by 1, 2
