select 1259::bigint << 32 | p.polrelid::bigint as parent,
       p.tableoid::bigint << 32 | p.oid::bigint as oid,
       p.polname as name,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' when '*' then 'all' end as command,
       not p.polpermissive as restrictive,
       (select array_agg(r.rolname::text order by r.rolname) from pg_roles r where r.oid = any (p.polroles)) as roles,
       pg_get_expr(p.polqual, p.polrelid) as using_expr,
       pg_get_expr(p.polwithcheck, p.polrelid) as check_expr,
       d.description as comment
  from pg_policy p
  left join pg_description d on d.objoid = p.oid and d.classoid = 'pg_policy'::regclass and d.objsubid = 0
 order by p.polrelid, p.polname
