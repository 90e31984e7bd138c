select pg_get_userbyid(d.defaclrole) as role,
       n.nspname as schema,
       case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' end as kind,
       d.defaclacl::text[] as acl,
       case when d.defaclnamespace = 0 then acldefault(case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end, d.defaclrole)::text[] end as acl_default
  from pg_default_acl d
  left join pg_namespace n on n.oid = d.defaclnamespace
 where d.defaclobjtype in ('r', 'S', 'f', 'T', 'n')
 order by 1, 2, 3
