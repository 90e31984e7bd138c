select c.tableoid::bigint << 32 | c.oid::bigint as oid,
       n.nspname as schema,
       c.relname as name,
       pg_get_userbyid(c.relowner) as owner,
       d.description as comment,
       format_type(s.seqtypid, null) as type,
       case c.relpersistence when 'u' then 'unlogged' end as persistence,
       o.nspname as owned_by_schema, o.relname as owned_by_table, o.attname as owned_by_column,
       coalesce(o.deptype = 'i', false) as identity,
       s.seqcycle as cycle, s.seqstart as start, s.seqincrement as increment, s.seqmin as minimum, s.seqmax as maximum, s.seqcache as cache,
       case when c.relacl is not null then c.relacl::text[] end as acl,
       case when c.relacl is not null then acldefault('s', c.relowner)::text[] end as acl_default
  from pg_sequence s
  join pg_class c on c.oid = s.seqrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join (select w.objid, w.deptype, tn.nspname, t.relname, a.attname
               from pg_depend w
               join pg_class t on t.oid = w.refobjid
               join pg_namespace tn on tn.oid = t.relnamespace
               join pg_attribute a on a.attrelid = t.oid and a.attnum = w.refobjsubid
              where w.classid = 'pg_class'::regclass and w.refclassid = 'pg_class'::regclass and w.deptype in ('a', 'i')) o on o.objid = c.oid
  left join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
 where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
 order by c.oid
