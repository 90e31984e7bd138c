-- The number of this session's transaction as xmin has it; NULL: it has written nothing.
select (pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text::pg_catalog.numeric % 4294967296)::pg_catalog.text
