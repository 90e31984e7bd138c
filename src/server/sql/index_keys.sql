-- Keys and included columns of every index, one row of pg_attribute each (a function scan an index costs twice as much);
-- indclass, indcollation and indoption cover keys only.
select c.tableoid::bigint << 32 | c.oid::bigint as parent,
       x.attnum > i.indnkeyatts as included,
       a.attname as "column",
       case when i.indkey[x.attnum - 1] = 0 then pg_get_indexdef(c.oid, x.attnum, true) end as expression,
       case when not oc.opcdefault then quote_ident(ocn.nspname) || '.' || quote_ident(oc.opcname) end as opclass,
       case when i.indcollation[x.attnum - 1] <> 0 and i.indcollation[x.attnum - 1] is distinct from a.attcollation then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
       coalesce(i.indoption[x.attnum - 1] & 1, 0) = 1 as descending,
       coalesce(i.indoption[x.attnum - 1] & 2, 0) = 2 as nulls_first,
       ofn.nspname || '.' || fam.opfname as opfamily,
       case when i.indkey[x.attnum - 1] = 0 and x.attstattarget >= 0 then x.attstattarget end as statistics_target,
       case when i.indkey[x.attnum - 1] = 0 then x.attname end as attribute,
       case when i.indkey[x.attnum - 1] = 0 then y.typname end as type_name
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  join pg_attribute x on x.attrelid = i.indexrelid and x.attnum > 0
  join pg_type y on y.oid = x.atttypid
  left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[x.attnum - 1] and a.attnum <> 0
  left join pg_opclass oc on oc.oid = i.indclass[x.attnum - 1]
  left join pg_namespace ocn on ocn.oid = oc.opcnamespace
  left join pg_opfamily fam on fam.oid = oc.opcfamily
  left join pg_namespace ofn on ofn.oid = fam.opfnamespace
  left join pg_collation co on co.oid = i.indcollation[x.attnum - 1]
  left join pg_namespace cn on cn.oid = co.collnamespace
 where t.relkind in ('r', 'p', 'm') and t.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by c.oid, x.attnum
