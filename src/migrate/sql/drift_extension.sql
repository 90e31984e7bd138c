-- The schema that the extension $1 is in.
select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace where quote_ident(e.extname) = $1::text
