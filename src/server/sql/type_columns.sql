-- Attributes of composite types.
select t.tableoid::bigint << 32 | t.oid::bigint as parent,
       a.attname as name,
       format_type(a.atttypid, a.atttypmod) as type,
       case when a.attcollation <> 0 and a.attcollation <> y.typcollation then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
       d.description as comment,
       true as local,
       a.attnum as position
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid and c.relkind = 'c'
  join pg_type t on t.oid = c.reltype
  join pg_namespace n on n.oid = c.relnamespace
  join pg_type y on y.oid = a.atttypid
  left join pg_collation co on co.oid = a.attcollation
  left join pg_namespace cn on cn.oid = co.collnamespace
  left join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid = a.attnum
 where a.attnum > 0 and not a.attisdropped and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by t.oid, a.attnum
