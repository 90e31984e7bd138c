-- The labels of the enum $1, in their order.
select coalesce(pg_catalog.array_agg(e.enumlabel::pg_catalog.text order by e.enumsortorder), '{}')::pg_catalog.text from pg_catalog.pg_enum e where e.enumtypid = $1::pg_catalog.regtype
