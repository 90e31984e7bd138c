-- Which tables of histories are there: dbarch's own, and those of golang-migrate (one row: version, dirty) and dbmate (a row for each version).
select pg_catalog.to_regclass('dbarch.migrations') is not null,
       (select case when pg_catalog.bool_or(a.attname = 'dirty') then 'golang-migrate' else 'dbmate' end
          from pg_catalog.pg_attribute a
         where a.attrelid = (select c.oid from pg_catalog.pg_class c where c.oid = pg_catalog.to_regclass('schema_migrations') and c.relkind in ('r', 'p')) and a.attnum > 0 and not a.attisdropped
        having pg_catalog.bool_or(a.attname = 'version')),
       (select pg_catalog.format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where c.oid = pg_catalog.to_regclass('schema_migrations')), pg_catalog.to_regnamespace('dbarch') is not null
