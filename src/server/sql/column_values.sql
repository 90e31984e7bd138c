-- The statistics with their values, of columns and of the expressions of indexes; what the role may read.
select c.tableoid::bigint << 32 | c.oid::bigint as parent,
       s.attname as "column", s.null_frac as null_fraction, s.n_distinct as "distinct", s.correlation, s.correlation is not null as has_correlation,
       s.avg_width as width_bytes, s.inherited,
       s.most_common_vals::text as common_values, s.most_common_freqs::text as common_frequencies, s.histogram_bounds::text as histogram,
       s.most_common_elems::text as common_elements, s.most_common_elem_freqs::text as element_frequencies,
--@ 17       s.range_length_histogram::text as range_lengths, s.range_empty_frac::text as range_empty, s.range_bounds_histogram::text as range_bounds,
       s.elem_count_histogram::text as element_counts
  from pg_stats s
  join pg_namespace n on n.nspname = s.schemaname
  join pg_class c on c.relnamespace = n.oid and c.relname = s.tablename
 where c.relkind in ('r', 'p', 'm', 'f', 'i') and s.schemaname !~ '^pg_' and s.schemaname <> 'information_schema'
   and (not s.inherited or c.relkind = 'p' or exists (select from pg_inherits h where h.inhparent = c.oid))
 order by c.oid, s.attname, s.inherited
