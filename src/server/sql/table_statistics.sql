-- Counters of tables; kept apart from the schema so that a schema alone needs no statistics views.
select 1259::bigint << 32 | s.relid::bigint as oid,
       s.seq_scan as sequential_scans, s.idx_scan as index_scans, s.n_tup_ins as inserted, s.n_tup_upd as updated,
       s.n_tup_del as deleted, s.n_tup_hot_upd as hot_updated, s.n_live_tup as live_rows, s.n_dead_tup as dead_rows,
       to_char(greatest(s.last_vacuum, s.last_autovacuum) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as last_vacuum,
       to_char(greatest(s.last_analyze, s.last_autoanalyze) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as last_analyze,
       io.heap_blks_read as heap_blocks_read, io.heap_blks_hit as heap_blocks_hit
  from pg_stat_user_tables s
  join pg_statio_user_tables io on io.relid = s.relid
