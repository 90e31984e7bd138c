-- The process of the runner that is at work on this database.
select l.pid
  from pg_catalog.pg_locks l
  join pg_catalog.pg_database d on d.oid = l.database and d.datname = pg_catalog.current_database()
 where l.locktype = 'advisory' and l.classid = 1684169825 and l.granted and l.pid <> pg_catalog.pg_backend_pid()
 limit 1
