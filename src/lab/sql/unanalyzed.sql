-- Tables with rows that have something without statistics: an index over expressions, extended statistics, themselves.
select distinct format('%I.%I', n.nspname, c.relname)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
   and (exists (select from pg_index i
                 where i.indrelid = c.oid and i.indexprs is not null
                   and not exists (select from pg_statistic s where s.starelid = i.indexrelid))
     or exists (select from pg_statistic_ext e
                 where e.stxrelid = c.oid and not exists (select from pg_statistic_ext_data d where d.stxoid = e.oid))
     or (c.reltuples < 0 and pg_relation_size(c.oid) > 0))
 order by 1
