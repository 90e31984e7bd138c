-- Schemas other than the system's.
select n.tableoid::bigint << 32 | n.oid::bigint as oid,
       n.nspname as name,
       pg_get_userbyid(n.nspowner) as owner,
       d.description as comment,
       case when n.nspacl is not null then n.nspacl::text[] end as acl,
       case when n.nspacl is not null then acldefault('n', n.nspowner)::text[] end as acl_default
  from pg_namespace n
  left join pg_description d on d.objoid = n.oid and d.classoid = 'pg_namespace'::regclass and d.objsubid = 0
 where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not exists (select from pg_depend e where e.classid = 'pg_namespace'::regclass and e.objid = n.oid and e.deptype = 'e')
 order by n.oid
