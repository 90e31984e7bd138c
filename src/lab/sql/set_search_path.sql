-- For CREATE EXTENSION, whose objects go where the path points.
select pg_catalog.set_config('search_path', pg_catalog.quote_ident($1), false)
