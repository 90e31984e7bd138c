-- Tables whose columns this role may not read at all: their statistics are hidden by pg_stats.
select n.nspname as schema, count(*) as count, (array_agg(c.relname::text order by c.relname))[1:20] as names
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and not has_any_column_privilege(c.oid, 'SELECT')
 group by n.nspname
 order by n.nspname
