-- One runner to a database; the lock is the session's.
select pg_catalog.pg_try_advisory_lock(1684169825, pg_catalog.hashtext(pg_catalog.current_database())),
       (select l.pid from pg_catalog.pg_locks l where l.locktype = 'advisory' and l.classid = 1684169825 and l.granted and l.pid <> pg_catalog.pg_backend_pid() limit 1)
