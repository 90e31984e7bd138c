-- Where pg_stat_statements lives, if it is installed, and its version.
select quote_ident(n.nspname) as schema, x.extversion as version
  from pg_extension x join pg_namespace n on n.oid = x.extnamespace
 where x.extname = 'pg_stat_statements'
