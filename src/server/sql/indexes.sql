select 1259::bigint << 32 | i.indrelid::bigint as parent,
       c.tableoid::bigint << 32 | c.oid::bigint as oid,
       c.relname as name,
       m.amname as method,
       case when k.oid is null then pg_get_indexdef(c.oid) end as definition,
       pg_get_expr(i.indpred, i.indrelid) as predicate,
       k.conname as "constraint",
       up.name as parent_index,
       ts.spcname as tablespace,
       d.description as comment,
       c.reloptions as options,
       i.indisunique as "unique", i.indisprimary as "primary",
--@ 15       i.indnullsnotdistinct as nulls_not_distinct,
       not i.indisvalid as invalid, not i.indisready as not_ready,
       -- one that a session is building holds this lock; so does vacuum, which is a guess on the safe side
       case when not i.indisvalid then exists (select from pg_locks l where l.relation = i.indrelid and l.granted and l.mode = 'ShareUpdateExclusiveLock')
            else false end as being_built,
       i.indisreplident as replica_identity, i.indisclustered as clustered,
       c.relkind = 'I' as on_partitioned,
       not i.indimmediate as not_immediate,
       row_number() over (partition by i.indrelid order by c.oid) as rank,
       c.reltuples as rows, c.relpages as pages
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid
  join pg_namespace n on n.oid = t.relnamespace
  join pg_am m on m.oid = c.relam
  left join pg_constraint k on k.conindid = c.oid and k.conrelid = t.oid and k.contype in ('p', 'u', 'x')
  left join (select h.inhrelid, quote_ident(hn.nspname) || '.' || quote_ident(hc.relname) as name
               from pg_inherits h join pg_class hc on hc.oid = h.inhparent and hc.relkind = 'I' join pg_namespace hn on hn.oid = hc.relnamespace) up on up.inhrelid = c.oid
  left join pg_tablespace ts on ts.oid = c.reltablespace
  left join pg_description d on d.objoid = c.oid and d.classoid = 'pg_class'::regclass and d.objsubid = 0
 where t.relkind in ('r', 'p', 'm') and t.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by i.indrelid, c.relname
