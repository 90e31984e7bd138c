-- Writes rows again and tells milliseconds and bytes of WAL.
with before as materialized (select clock_timestamp() as at, pg_current_wal_insert_lsn() as lsn),
     written as materialized (insert into price_target select r.* from price_rows r, before where r.id <= 20000 returning 1),
     done as materialized (select count(*) as n from written)
select extract(epoch from clock_timestamp() - before.at) * 1000 as ms, pg_current_wal_insert_lsn() - before.lsn as wal_bytes, done.n
  from done, before
