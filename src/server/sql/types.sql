-- Enums, domains, composite types of their own, ranges.  Row types of tables and multiranges come with their owners.
select t.tableoid::bigint << 32 | t.oid::bigint as oid,
       n.nspname as schema,
       t.typname as name,
       case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'c' then 'composite' when 'r' then 'range' end as kind,
       pg_get_userbyid(t.typowner) as owner,
       d.description as comment,
       case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end as base_type,
       case when t.typtype = 'd' then coalesce(pg_get_expr(t.typdefaultbin, 0), t.typdefault) end as default_expr,
       case when t.typtype = 'd' and t.typcollation <> 0 and t.typcollation <> b.typcollation
            then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
       t.typtype = 'd' and t.typnotnull as not_null,
       (select array_agg(l.enumlabel::text order by l.enumsortorder) from pg_enum l where l.enumtypid = t.oid) as labels,
       case when t.typtype = 'r' then format_type(r.rngsubtype, null) end as subtype,
       case when t.typtype = 'r' and not oc.opcdefault then quote_ident(ocn.nspname) || '.' || quote_ident(oc.opcname) end as subtype_opclass,
       case when t.typtype = 'r' and r.rngsubdiff <> 0 then r.rngsubdiff::text end as subtype_diff,
       case when t.typtype = 'r' and r.rngcanonical <> 0 then r.rngcanonical::text end as canonical,
       case when t.typtype = 'r' then (select quote_ident(mn.nspname) || '.' || quote_ident(m.typname) from pg_type m join pg_namespace mn on mn.oid = m.typnamespace where m.oid = r.rngmultitypid) end as multirange,
       case when t.typacl is not null then t.typacl::text[] end as acl,
       case when t.typacl is not null then acldefault('T', t.typowner)::text[] end as acl_default
  from pg_type t
  join pg_namespace n on n.oid = t.typnamespace
  left join pg_class c on c.oid = t.typrelid
  left join pg_type b on b.oid = t.typbasetype
  left join pg_collation co on co.oid = t.typcollation
  left join pg_namespace cn on cn.oid = co.collnamespace
  left join pg_range r on r.rngtypid = t.oid
  left join pg_opclass oc on oc.oid = r.rngsubopc
  left join pg_namespace ocn on ocn.oid = oc.opcnamespace
  left join pg_description d on d.objoid = t.oid and d.classoid = 'pg_type'::regclass and d.objsubid = 0
 where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not exists (select from pg_depend e where e.classid = 'pg_type'::regclass and e.objid = t.oid and e.deptype = 'e')
 order by t.oid
