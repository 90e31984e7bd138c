-- What was run here ("ledger": the receipt or decision that let it; "reached", "rows": of a backfill under way).  A row is written before a migration that runs statement by statement begins: "begun" is the statement under way, "done" the last one that ended.
create table dbarch.migrations (
  place bigint generated always as identity,
  label text primary key,
  version text,
  checksum text not null,
  state text not null check (state in ('applied', 'running', 'undoing')),
  begun integer not null default 0,
  done integer not null default 0,
  applied_at timestamptz not null default clock_timestamp(),
  applied_by text not null default session_user,
  duration_ms double precision,
  dbarch text not null,
  taken_from text,
  override text,
  ledger text,
  reached text[],
  rows bigint
)
