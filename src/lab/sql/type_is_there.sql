-- Is there a type of that name?
select pg_catalog.to_regtype($1) is not null
