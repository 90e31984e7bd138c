-- Types of the expressions that statistics objects are over.  No catalog names them: the wire form of an array begins with its
-- dimensions, a flag and the oid of its elements' type, four bytes each.  Empty where there is no value to tell it by.
select s.tableoid::bigint << 32 | s.oid::bigint as oid, array_agg(coalesce(y.typname::text, '') order by e.n) as expression_types
  from pg_stats_ext_exprs x
  join pg_namespace n on n.nspname = x.statistics_schemaname
  join pg_statistic_ext s on s.stxnamespace = n.oid and s.stxname = x.statistics_name
  join pg_class t on t.oid = s.stxrelid
 cross join lateral unnest(pg_get_statisticsobjdef_expressions(s.oid)) with ordinality e (expression, n)
 cross join lateral (select array_send(coalesce(x.most_common_vals, x.histogram_bounds)) as bytes) a
  left join pg_type y on y.oid = (get_byte(a.bytes, 8)::bigint << 24 | get_byte(a.bytes, 9) << 16 | get_byte(a.bytes, 10) << 8 | get_byte(a.bytes, 11))::oid
 where e.expression = x.expr
--@ 15   and x.inherited = (t.relkind = 'p')
 group by 1
