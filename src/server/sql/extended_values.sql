-- Multi-column statistics of the objects that this role owns: pg_stats_ext shows no others, whatever else the role may read.
select s.tableoid::bigint << 32 | s.oid::bigint as oid, x.n_distinct::text as "distinct", x.dependencies::text as dependencies,
       x.most_common_vals::text as common_values, x.most_common_val_nulls::text as common_nulls, x.most_common_freqs::text as common_frequencies,
       x.most_common_base_freqs::text as common_base_frequencies
  from pg_stats_ext x
  join pg_namespace n on n.nspname = x.statistics_schemaname
  join pg_statistic_ext s on s.stxnamespace = n.oid and s.stxname = x.statistics_name
  join pg_class t on t.oid = s.stxrelid
 where true
--@ 15   and x.inherited = (t.relkind = 'p')
