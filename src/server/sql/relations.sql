-- Tables, partitioned tables, views, materialised views, foreign tables.
select c.tableoid::bigint << 32 | c.oid::bigint as oid,
       n.nspname as schema,
       c.relname as name,
       case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
                      when 'm' then 'materialized view' when 'f' then 'foreign table' end as kind,
       pg_get_userbyid(c.relowner) as owner,
       d.description as comment,
       case c.relpersistence when 'u' then 'unlogged' end as persistence,
       case when m.amname <> 'heap' then m.amname end as access_method,
       ts.spcname as tablespace,
       case when c.relkind in ('r', 'p', 'm') then case c.relreplident when 'f' then 'full' when 'n' then 'nothing' when 'i' then 'index' end end as replica_identity,
       p.nspname as partition_of_schema, p.relname as partition_of,
       pg_get_expr(c.relpartbound, c.oid) as partition_bound,
       case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_key,
       case when c.reloftype <> 0 then format_type(c.reloftype, null) end as of_type,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
       (select split_part(o, '=', 2) from unnest(c.reloptions) o where o like 'check\_option=%') as check_option,
       fs.srvname as foreign_server,
       ft.ftoptions as foreign_options,
       case when not c.relispartition and c.relkind in ('r', 'f') then i.parents end as inherits,
       array(select o from unnest(c.reloptions) o where o not like 'check\_option=%') as options,
       case when c.reltoastrelid <> 0 then (select tc.reloptions from pg_class tc where tc.oid = c.reltoastrelid) end as toast_options,
       case when c.relacl is not null then c.relacl::text[] end as acl,
       case when c.relacl is not null then acldefault('r', c.relowner)::text[] end as acl_default,
       c.relrowsecurity as row_security, c.relforcerowsecurity as force_row_security,
       c.relkind = 'm' and not c.relispopulated as not_populated,
       c.reltuples as rows, c.relpages as pages, c.relallvisible as all_visible_pages
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_am m on m.oid = c.relam
  left join pg_tablespace ts on ts.oid = c.reltablespace
  left join (select h.inhrelid, array_agg(quote_ident(hn.nspname) || '.' || quote_ident(hc.relname) order by h.inhseqno) as parents,
                    min(hn.nspname::text) as nspname, min(hc.relname::text) as relname
               from pg_inherits h join pg_class hc on hc.oid = h.inhparent join pg_namespace hn on hn.oid = hc.relnamespace
              group by h.inhrelid) i on i.inhrelid = c.oid
  left join lateral (select i.nspname, i.relname where c.relispartition) p on true
  left join pg_foreign_table ft on ft.ftrelid = c.oid
  left join pg_foreign_server fs on fs.oid = ft.ftserver
  left join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
 where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
 order by c.oid
