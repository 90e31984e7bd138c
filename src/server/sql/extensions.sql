-- Installed extensions; plpgsql, which every database has, is left out as pg_dump leaves it out.
select x.tableoid::bigint << 32 | x.oid::bigint as oid,
       x.extname as name,
       n.nspname as schema,
       x.extversion as version,
       d.description as comment
  from pg_extension x
  join pg_namespace n on n.oid = x.extnamespace
  left join pg_description d on d.objoid = x.oid and d.classoid = 'pg_extension'::regclass and d.objsubid = 0
 where x.extname <> 'plpgsql'
 order by x.oid
