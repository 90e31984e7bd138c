-- Is there no table of anybody's, but for those of histories?  How large is the database?
select not exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                    where c.relkind in ('r', 'p', 'm', 'f') and n.nspname <> 'dbarch' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
                      and c.relname <> 'schema_migrations'
                      and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = c.oid and d.deptype = 'e')),
       pg_catalog.pg_database_size(pg_catalog.current_database())
