-- Settings that differ from their built-in default, and those that advice is measured against.  None holds a secret;
-- connection strings to other servers, which may, are left out.
-- What this session set for itself is told as it was before.
select s.name, case when s.source = 'session' then s.reset_val else s.setting end as value, s.unit,
       case when s.source <> 'session' then s.source when s.reset_val = s.boot_val then 'default' else 'before the session' end as source
  from pg_settings s
 where (s.source not in ('default', 'override', 'client', 'session')
        or s.name in ('shared_buffers', 'work_mem', 'maintenance_work_mem', 'effective_cache_size', 'random_page_cost', 'seq_page_cost',
                      'cpu_tuple_cost', 'cpu_index_tuple_cost', 'cpu_operator_cost', 'max_connections', 'fsync', 'full_page_writes',
                      'wal_level', 'autovacuum', 'default_statistics_target', 'max_parallel_workers_per_gather', 'jit', 'block_size',
                      'server_encoding', 'track_counts', 'track_io_timing', 'TimeZone'))
   and s.name not in ('primary_conninfo', 'ssl_key_file', 'ssl_passphrase_command', 'archive_command', 'restore_command',
                      'search_path', 'default_transaction_read_only', 'application_name', 'client_encoding', 'transaction_isolation', 'transaction_read_only')
 order by s.name
