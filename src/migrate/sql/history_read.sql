-- In the order in which they were run.
select label, version, checksum, state, begun, done, pg_catalog.to_char(applied_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), applied_by, duration_ms, taken_from, override, ledger, reached, rows
  from dbarch.migrations
 order by place
