-- What the session's transaction has done to relations so far: their files and how often they were read from end to end, and the locks that it holds.
-- The first kind of row: oid, name, kind, file, scans, rows changed; the second: oid, mode.
select 'relation', c.oid::text, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind::text, pg_catalog.pg_relation_filenode(c.oid)::text,
       coalesce(pg_catalog.pg_stat_get_xact_numscans(c.oid), 0)::text
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm', 'v') and c.oid >= 16384 and c.relpersistence <> 't' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
union all
select 'lock', l.relation::text, null, null, null, l.mode
  from pg_catalog.pg_locks l
 where l.locktype = 'relation' and l.relation >= 16384 and l.pid = pg_catalog.pg_backend_pid() and l.granted
