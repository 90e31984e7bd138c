-- Who holds or waits for ACCESS EXCLUSIVE on a table of this database, oldest first.
select pg_catalog.format('%I.%I is held by process %s (%s%s)', n.nspname, c.relname, l.pid,
              case when l.granted then 'ACCESS EXCLUSIVE' else 'waiting for ACCESS EXCLUSIVE' end,
              coalesce(', since ' || pg_catalog.to_char(pg_catalog.now() - a.xact_start, 'HH24:MI:SS'), ''))
  from pg_catalog.pg_locks l
  join pg_catalog.pg_class c on c.oid = l.relation
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_stat_activity a on a.pid = l.pid
 where l.mode = 'AccessExclusiveLock' and l.pid <> pg_catalog.pg_backend_pid()
   and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
   and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_'
 order by l.granted desc, a.xact_start, c.relname
 limit 1
