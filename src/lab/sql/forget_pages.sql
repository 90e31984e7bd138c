-- Writes and drops the shared buffers of database $1.
select pg_temp.forget_pages(oid), oid from pg_database where datname = $1
