select current_setting('server_version_num')::bigint as version_number,
       current_setting('server_version') as version,
       current_database() as database,
       session_user as role,
       pg_encoding_to_char(d.encoding) as encoding,
       d.datcollate as collate, d.datctype as ctype,
       case d.datlocprovider when 'c' then 'libc' when 'i' then 'icu' when 'b' then 'builtin' end as locale_provider,
--@ 17   d.datlocale as locale,
       to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as taken_at,
       pg_is_in_recovery() as standby,
       coalesce((select r.rolsuper from pg_roles r where r.rolname = session_user), false) as superuser,
       pg_has_role(session_user, 'pg_read_all_stats', 'usage') as reads_all_statistics,
       pg_has_role(session_user, 'pg_read_all_data', 'usage') as reads_all_data,
       to_char(greatest(s.stats_reset, w.stats_reset) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as statistics_since,
       extract(epoch from now() - greatest(s.stats_reset, w.stats_reset))::bigint as statistics_age_seconds,
       extract(epoch from now() - pg_postmaster_start_time())::bigint as uptime_seconds,
       pg_database_size(d.oid) as size_bytes,
       age(d.datfrozenxid) as xid_age,
       s.xact_commit as commits, s.xact_rollback as rollbacks, s.deadlocks as deadlocks, s.temp_bytes as temp_bytes,
       s.blks_hit as blocks_hit, s.blks_read as blocks_read,
       l.wal_bytes::bigint as wal_bytes, to_char(l.stats_reset at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as wal_since,
       extract(epoch from now() - l.stats_reset)::bigint as wal_age_seconds
  from pg_database d
  left join pg_stat_database s on s.datid = d.oid
  cross join pg_stat_bgwriter w
  cross join pg_stat_wal l
 where d.datname = current_database()
