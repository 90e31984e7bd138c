-- Which object needs which to exist first, in terms of the objects of the model: a column default and a rule stand for
-- their table, a row type and an array for their element, a partition and an index are linked by the writer itself.
select distinct o.key as object, r.key as needed
  from pg_depend d
  cross join lateral (
    select case d.classid
             when 'pg_rewrite'::regclass then (select 1259::bigint << 32 | w.ev_class::bigint from pg_rewrite w where w.oid = d.objid)
             when 'pg_attrdef'::regclass then (select 1259::bigint << 32 | f.adrelid::bigint from pg_attrdef f where f.oid = d.objid)
             when 'pg_class'::regclass then coalesce((select 1247::bigint << 32 | t.reltype::bigint from pg_class t where t.oid = d.objid and t.relkind = 'c'), 1259::bigint << 32 | d.objid::bigint)
             when 'pg_constraint'::regclass then (select case when k.contype in ('c', 'n') and k.conrelid <> 0 then 1259::bigint << 32 | k.conrelid::bigint
                                                              when k.contypid <> 0 then 1247::bigint << 32 | k.contypid::bigint
                                                              else 2606::bigint << 32 | k.oid::bigint end from pg_constraint k where k.oid = d.objid)
             else d.classid::bigint << 32 | d.objid::bigint end as key) o
  cross join lateral (
    select case d.refclassid
             when 'pg_type'::regclass then (select case when e.typrelid <> 0 and ec.relkind <> 'c' then 1259::bigint << 32 | e.typrelid::bigint else 1247::bigint << 32 | e.oid::bigint end
                                              from pg_type t
                                              left join pg_range g on g.rngmultitypid = t.oid
                                              join pg_type e on e.oid = coalesce(g.rngtypid, case when t.typelem <> 0 and t.typcategory = 'A' then t.typelem else t.oid end)
                                              left join pg_class ec on ec.oid = e.typrelid
                                             where t.oid = d.refobjid)
             else d.refclassid::bigint << 32 | d.refobjid::bigint end as key) r
 where d.deptype = 'n' and d.objid >= 16384 and d.refobjid >= 16384 and o.key is not null and r.key is not null and o.key <> r.key
 order by 1, 2
