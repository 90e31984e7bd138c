select s.tableoid::bigint << 32 | s.oid::bigint as oid,
       n.nspname as schema,
       s.stxname as name,
       pg_get_userbyid(s.stxowner) as owner,
       d.description as comment,
       pg_get_statisticsobjdef(s.oid) as definition,
       array(select a.attname::text
               from unnest(s.stxkeys::int2[]) with ordinality k (number, n)
               join pg_attribute a on a.attrelid = s.stxrelid and a.attnum = k.number
              order by k.n) as columns,
--@ 14       pg_get_statisticsobjdef_expressions(s.oid) as expressions,
       quote_ident(tn.nspname) || '.' || quote_ident(t.relname) as "table",
       coalesce(s.stxstattarget, -1) >= 0 as has_target,
       case when coalesce(s.stxstattarget, -1) >= 0 then s.stxstattarget end as target
  from pg_statistic_ext s
  join pg_namespace n on n.oid = s.stxnamespace
  join pg_class t on t.oid = s.stxrelid
  join pg_namespace tn on tn.oid = t.relnamespace
  left join pg_description d on d.objoid = s.oid and d.classoid = 'pg_statistic_ext'::regclass and d.objsubid = 0
 where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by s.oid
