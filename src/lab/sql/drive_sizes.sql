-- What the work under way costs: bytes on disk with temporary files, WAL written since the cluster began, how far a replica is behind.
select pg_database_size(current_database()) + coalesce((select sum(size) from pg_ls_tmpdir()), 0)::bigint as disk_bytes,
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint as wal_bytes,
       (select extract(epoch from max(replay_lag)) from pg_stat_replication) as lag_seconds
