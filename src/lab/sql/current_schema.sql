-- Where a session of the subject would put something new.
select pg_catalog.current_schema()
