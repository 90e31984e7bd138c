select 1259::bigint << 32 | g.tgrelid::bigint as parent,
       g.tableoid::bigint << 32 | g.oid::bigint as oid,
       g.tgname as name,
       pg_get_triggerdef(g.oid) as definition,
       case g.tgenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' when 'A' then 'always' end as enabled,
       quote_ident(pn.nspname) || '.' || quote_ident(p.proname) as function,
       up.tgname as parent_trigger,
       d.description as comment
  from pg_trigger g
  join pg_class c on c.oid = g.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_proc p on p.oid = g.tgfoid
  join pg_namespace pn on pn.oid = p.pronamespace
  left join pg_trigger up on up.oid = g.tgparentid
  left join pg_description d on d.objoid = g.oid and d.classoid = 'pg_trigger'::regclass and d.objsubid = 0
 where not g.tgisinternal and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by g.tgrelid, g.tgname
