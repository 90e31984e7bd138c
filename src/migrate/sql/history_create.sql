-- What was run here ("ledger": the receipt or decision that let it; "reached", "rows": of a backfill under way).  A row is written before a migration that runs statement by statement begins: "begun" is the statement under way, "done" the last one that ended.
create table dbarch.migrations (
  place bigint generated always as identity,
  label pg_catalog.text primary key,
  version pg_catalog.text,
  checksum pg_catalog.text not null,
  state pg_catalog.text not null check (state in ('applied', 'running', 'undoing')),
  begun integer not null default 0,
  done integer not null default 0,
  applied_at timestamptz not null default pg_catalog.clock_timestamp(),
  applied_by pg_catalog.text not null default session_user,
  duration_ms double precision,
  dbarch pg_catalog.text not null,
  taken_from pg_catalog.text,
  override pg_catalog.text,
  ledger pg_catalog.text,
  reached pg_catalog.text[],
  rows bigint
)
