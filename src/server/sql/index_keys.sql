-- Keys and included columns of every index: indclass, indcollation and indoption cover keys only.
select c.tableoid::bigint << 32 | c.oid::bigint as parent,
       s.n > i.indnkeyatts as included,
       a.attname as "column",
       case when i.indkey[s.n - 1] = 0 then pg_get_indexdef(c.oid, s.n, true) end as expression,
       case when not oc.opcdefault then quote_ident(ocn.nspname) || '.' || quote_ident(oc.opcname) end as opclass,
       case when i.indcollation[s.n - 1] <> 0 and i.indcollation[s.n - 1] is distinct from a.attcollation then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
       coalesce(i.indoption[s.n - 1] & 1, 0) = 1 as descending,
       coalesce(i.indoption[s.n - 1] & 2, 0) = 2 as nulls_first,
       ofn.nspname || '.' || fam.opfname as opfamily,
       case when x.attstattarget >= 0 then x.attstattarget end as statistics_target
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  cross join lateral generate_series(1, i.indnatts) s (n)
  left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[s.n - 1] and a.attnum <> 0
  left join pg_attribute x on x.attrelid = c.oid and x.attnum = s.n and i.indkey[s.n - 1] = 0
  left join pg_opclass oc on oc.oid = i.indclass[s.n - 1]
  left join pg_namespace ocn on ocn.oid = oc.opcnamespace
  left join pg_opfamily fam on fam.oid = oc.opcfamily
  left join pg_namespace ofn on ofn.oid = fam.opfnamespace
  left join pg_collation co on co.oid = i.indcollation[s.n - 1]
  left join pg_namespace cn on cn.oid = co.collnamespace
 where t.relkind in ('r', 'p', 'm') and t.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by c.oid, s.n
