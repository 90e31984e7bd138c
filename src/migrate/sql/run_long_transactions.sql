-- Who would keep a lock from us, or be kept by it: transactions that have been open for long.
select a.pid, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)::integer, a.state, coalesce(nullif(a.application_name, ''), a.usename)
  from pg_catalog.pg_stat_activity a
 where a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid() and a.xact_start < pg_catalog.clock_timestamp() - interval '30 seconds'
 order by a.xact_start
 limit 5
