-- Everything else a user can have made, counted and named so that nothing is dropped silently.
with foreign_to_extensions as (
  select 'publication' as kind, p.pubname::text as name, 'pg_publication'::regclass as classid, p.oid from pg_publication p
  union all select 'foreign data wrapper', f.fdwname, 'pg_foreign_data_wrapper'::regclass, f.oid from pg_foreign_data_wrapper f
  union all select 'foreign server', s.srvname, 'pg_foreign_server'::regclass, s.oid from pg_foreign_server s
  union all select 'event trigger', e.evtname, 'pg_event_trigger'::regclass, e.oid from pg_event_trigger e
  union all select 'cast', format_type(c.castsource, null) || ' as ' || format_type(c.casttarget, null), 'pg_cast'::regclass, c.oid from pg_cast c where c.oid >= 16384
  union all select 'language', l.lanname, 'pg_language'::regclass, l.oid from pg_language l where l.oid >= 16384 and l.lanname <> 'plpgsql'
  union all select 'transform', format_type(t.trftype, null), 'pg_transform'::regclass, t.oid from pg_transform t
  union all select 'access method', a.amname, 'pg_am'::regclass, a.oid from pg_am a where a.oid >= 16384
  union all select 'rule', n.nspname || '.' || c.relname || '.' || r.rulename, 'pg_rewrite'::regclass, r.oid
              from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
             where r.rulename <> '_RETURN' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  union all select o.kind, n.nspname || '.' || o.name, o.classid, o.oid
              from (select 'aggregate' as kind, p.proname::text as name, p.pronamespace as namespace, 'pg_proc'::regclass as classid, p.oid from pg_proc p where p.prokind = 'a'
                    union all select 'operator', p.oprname, p.oprnamespace, 'pg_operator'::regclass, p.oid from pg_operator p
                    union all select 'operator class', p.opcname, p.opcnamespace, 'pg_opclass'::regclass, p.oid from pg_opclass p
                    union all select 'operator family', p.opfname, p.opfnamespace, 'pg_opfamily'::regclass, p.oid from pg_opfamily p
                    union all select 'collation', p.collname, p.collnamespace, 'pg_collation'::regclass, p.oid from pg_collation p
                    union all select 'conversion', p.conname, p.connamespace, 'pg_conversion'::regclass, p.oid from pg_conversion p
                    union all select 'text search configuration', p.cfgname, p.cfgnamespace, 'pg_ts_config'::regclass, p.oid from pg_ts_config p
                    union all select 'text search dictionary', p.dictname, p.dictnamespace, 'pg_ts_dict'::regclass, p.oid from pg_ts_dict p
                    union all select 'text search parser', p.prsname, p.prsnamespace, 'pg_ts_parser'::regclass, p.oid from pg_ts_parser p
                    union all select 'text search template', p.tmplname, p.tmplnamespace, 'pg_ts_template'::regclass, p.oid from pg_ts_template p
                    union all select 'base type', p.typname, p.typnamespace, 'pg_type'::regclass, p.oid from pg_type p where p.typtype = 'b' and p.typelem = 0 and p.typcategory <> 'A') o
              join pg_namespace n on n.oid = o.namespace
             where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
)
select f.kind, count(*) as count, (array_agg(f.name order by f.name))[1:50] as names
  from foreign_to_extensions f
 where not exists (select from pg_depend e where e.classid = f.classid and e.objid = f.oid and e.deptype = 'e')
 group by f.kind
 order by f.kind
