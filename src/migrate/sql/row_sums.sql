-- Writes, for each table with rows of its own, a stamp that changes whenever its rows or its columns do (counters of the session must have been flushed), and the statement that sums up what is in it: how many rows, for each column in order of names a sum
-- of hashes, and one of whole rows.  Equal sums: equal values in any order.  The statements cast to text, and so run functions of the subject's
-- types: only a session of its role may run them.
select format('%I.%I', n.nspname, c.relname), a.names::text,
       format('select %L, count(*)::text, array[%s, %s]::text from only %I.%I t', format('%I.%I', n.nspname, c.relname), a.sums,
              format('sum(hashtextextended(row(%s)::text, 0))', a.columns), n.nspname, c.relname),
       concat_ws(' ', c.oid, pg_catalog.pg_relation_filenode(c.oid), a.numbers, pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid),
                 pg_catalog.pg_stat_get_tuples_deleted(c.oid))
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 cross join lateral (
   select array_agg(a.attname order by a.attname) as names, string_agg(a.attnum || a.attname, ',' order by a.attnum) as numbers, string_agg(format('t.%I', a.attname), ', ' order by a.attname) as columns,
          string_agg(format($$sum(hashtextextended(coalesce(t.%I::text, e'\x01'), 0))$$, a.attname), ', ' order by a.attname) as sums
     from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) a
 where c.relkind = 'r' and c.relpersistence <> 't' and c.oid >= 16384 and n.nspname !~ '^pg_' and a.names is not null
   and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
 order by 1
