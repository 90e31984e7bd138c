-- Has a transaction been left open that wrote something?
select pg_catalog.now() <> pg_catalog.statement_timestamp() and pg_catalog.pg_current_xact_id_if_assigned() is not null
