-- The tables that a statement would take values of, and whether rows may hide from this role: of schema $1 (where '': any, since a script may set
-- where names are looked up), named $2 ('': all of the schema), with a column $3 ('': whole); those that inherit from it; with $4 those that refer to it too.
with recursive named as (
  select c.oid
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v')
     and case when $1 = '' then n.nspname not in ('pg_catalog', 'information_schema', 'dbarch') else n.nspname = $1 end
     and ($2 = '' or c.relname = $2)
     and ($3 = '' or exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = $3 and a.attnum > 0 and not a.attisdropped))
), behind as ( -- the tables that a view shows
  select oid from named
  union
  select d.refobjid
    from behind b
    join pg_catalog.pg_rewrite r on r.ev_class = b.oid
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid
     and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> b.oid
), reached as (
  select oid from behind b
   where $3 = '' or exists (select from pg_catalog.pg_attribute a where a.attrelid = b.oid and a.attname = $3 and a.attnum > 0 and not a.attisdropped)
  union
  select x.oid
    from reached r
    cross join lateral (
      select i.inhrelid as oid from pg_catalog.pg_inherits i where i.inhparent = r.oid
      union all
      select k.conrelid from pg_catalog.pg_constraint k where k.confrelid = r.oid and k.contype = 'f' and $4 = 't') x
)
select pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.row_security_active(c.oid)
  from reached r
  join pg_catalog.pg_class c on c.oid = r.oid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and (not c.relispartition or c.oid in (select oid from named))
 order by 1
