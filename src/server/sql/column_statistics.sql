-- Numbers only: no most common values, no histogram.  Expression indexes have statistics of their own: not here.  pg_stats shows the columns that the role may read.
select c.tableoid::bigint << 32 | c.oid::bigint as parent,
       s.attname as "column", s.null_frac as null_fraction, s.n_distinct as "distinct", s.correlation, s.correlation is not null as has_correlation, s.avg_width as width_bytes, s.inherited
  from pg_stats s
  join pg_namespace n on n.nspname = s.schemaname
  join pg_class c on c.relnamespace = n.oid and c.relname = s.tablename
 where c.relkind in ('r', 'p', 'm', 'f') and s.schemaname !~ '^pg_' and s.schemaname <> 'information_schema'
   and (not s.inherited or c.relkind = 'p')
 order by c.oid, s.attname
