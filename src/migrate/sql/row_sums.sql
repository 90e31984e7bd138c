-- Writes, for each table with rows of its own, a stamp that changes whenever its rows or its columns do (counters of the session must have been flushed), and the statement that sums up what is in it: how many rows, for each column in order of names a sum
-- of hashes, and one of whole rows.  Equal sums: equal values in any order.  The statements cast to text, and so run functions of the subject's
-- types: only a session of its role may run them.
select pg_catalog.format('%I.%I', n.nspname, c.relname), a.names::text,
       pg_catalog.format('select %L, pg_catalog.count(*)::pg_catalog.text, array[%s, %s]::text from only %I.%I t', pg_catalog.format('%I.%I', n.nspname, c.relname), a.sums,
              pg_catalog.format('pg_catalog.sum(pg_catalog.hashtextextended(row(%s)::pg_catalog.text, 0))', a.columns), n.nspname, c.relname),
       pg_catalog.concat_ws(' ', c.oid, pg_catalog.pg_relation_filenode(c.oid), a.numbers, pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid),
                 pg_catalog.pg_stat_get_tuples_deleted(c.oid)), c.relforcerowsecurity
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 cross join lateral (
   select pg_catalog.array_agg(a.attname order by a.attname) as names, pg_catalog.string_agg(a.attnum || a.attname, ',' order by a.attnum) as numbers, pg_catalog.string_agg(pg_catalog.format('t.%I', a.attname), ', ' order by a.attname) as columns,
          pg_catalog.string_agg(pg_catalog.format($$pg_catalog.sum(pg_catalog.hashtextextended(coalesce(t.%I::pg_catalog.text, e'\x01'), 0))$$, a.attname), ', ' order by a.attname) as sums
     from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) a
 where c.relkind = 'r' and c.relpersistence <> 't' and c.oid >= 16384 and n.nspname !~ '^pg_' and a.names is not null
   and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by 1
