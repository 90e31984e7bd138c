-- Numbers of the expressions of statistics objects that this role owns, numbered as in the object.
select s.tableoid::bigint << 32 | s.oid::bigint as parent,
       e.n::text as "column", x.null_frac as null_fraction, x.n_distinct as "distinct", x.correlation, x.correlation is not null as has_correlation,
       x.avg_width as width_bytes, t.relkind = 'p' as inherited
  from pg_stats_ext_exprs x
  join pg_namespace n on n.nspname = x.statistics_schemaname
  join pg_statistic_ext s on s.stxnamespace = n.oid and s.stxname = x.statistics_name
  join pg_class t on t.oid = s.stxrelid
 cross join lateral unnest(pg_get_statisticsobjdef_expressions(s.oid)) with ordinality e (expression, n)
 where e.expression = x.expr and x.null_frac is not null
--@ 15   and x.inherited = (t.relkind = 'p')
 order by s.oid, e.n
