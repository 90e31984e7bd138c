-- One runner to a database; the lock is the session's.
select pg_catalog.pg_try_advisory_lock(1684169825, pg_catalog.hashtext(pg_catalog.current_database()))
