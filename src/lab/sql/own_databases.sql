-- Databases of a kept lab, but for copies that a measuring left behind.
select datname from pg_database where not datistemplate and datname <> 'postgres' and datname not like 'measure\_%' order by 1
