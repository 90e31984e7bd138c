-- For CREATE EXTENSION, whose objects go where the path points, and for giving the extension to the subject's role afterwards.
select pg_catalog.set_config('search_path', pg_catalog.quote_ident($1), false), pg_catalog.set_config('allow_system_table_mods', 'on', false)
