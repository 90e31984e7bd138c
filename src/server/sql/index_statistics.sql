select 1259::bigint << 32 | s.indexrelid::bigint as oid,
       s.idx_scan as scans, s.idx_tup_read as tuples_read
--@ 16   , to_char(s.last_idx_scan at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as last_scan
  from pg_stat_user_indexes s
