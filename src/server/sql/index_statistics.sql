select 1259::bigint << 32 | s.indexrelid::bigint as oid,
       s.idx_scan as scans, s.idx_tup_read as tuples_read, io.idx_blks_read as blocks_read, io.idx_blks_hit as blocks_hit
--@ 16   , to_char(s.last_idx_scan at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as last_scan
  from pg_stat_user_indexes s
  join pg_statio_user_indexes io on io.indexrelid = s.indexrelid
