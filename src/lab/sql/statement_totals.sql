-- What the statements of database $1 took since the last reset; nested ones are inside their caller's numbers.
select coalesce(sum(total_exec_time), 0) as ms,
       coalesce(sum(shared_blks_hit + shared_blks_read), 0) as buffers,
       coalesce(sum(wal_bytes), 0) as wal_bytes,
       coalesce(sum(rows), 0) as rows,
       coalesce(sum(shared_blks_read), 0) as reads
  from dbarch.pg_stat_statements
 where toplevel and dbid = (select oid from pg_database where datname = $1)
