-- Functions, procedures and window functions; aggregates are counted elsewhere.
select p.tableoid::bigint << 32 | p.oid::bigint as oid,
       n.nspname as schema,
       p.proname as name,
       pg_get_function_identity_arguments(p.oid) as arguments,
       case p.prokind when 'f' then 'function' when 'p' then 'procedure' when 'w' then 'window' end as kind,
       pg_get_userbyid(p.proowner) as owner,
       d.description as comment,
       pg_get_functiondef(p.oid) as definition,
       l.lanname as language,
       p.prosecdef as security_definer,
       p.proconfig as settings,
       case when p.proacl is not null then p.proacl::text[] end as acl,
       case when p.proacl is not null then acldefault('f', p.proowner)::text[] end as acl_default
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_language l on l.oid = p.prolang
  left join pg_description d on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass and d.objsubid = 0
 where p.prokind in ('f', 'p', 'w') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype in ('e', 'i'))
 order by p.oid
