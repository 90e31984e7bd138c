-- The statements that make the enum $1 anew, with the labels that it has in this database, under its users.  A label cannot be dropped.
with users as (
  select a.attrelid::regclass::text as relation, quote_ident(a.attname) as column_name, pg_get_expr(d.adbin, d.adrelid) as value
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.atttypid = $1::regtype and not a.attisdropped and not c.relispartition
), users_of_labels as ( -- what compares with a label holds on to the old type, and is made again later
  select case d.classid
           when 'pg_class'::regclass then (select format('drop index if exists %s', c.oid::regclass) from pg_class c where c.oid = d.objid and c.relkind in ('i', 'I'))
           when 'pg_constraint'::regclass then (select format('alter table %s drop constraint if exists %I', c.conrelid::regclass, c.conname) from pg_constraint c
                                                 where c.oid = d.objid and c.conrelid <> 0)
           when 'pg_trigger'::regclass then (select format('drop trigger if exists %I on %s', t.tgname, t.tgrelid::regclass) from pg_trigger t where t.oid = d.objid)
         end as step
    from pg_depend d
   where d.refclassid = 'pg_type'::regclass and d.refobjid = $1::regtype and d.objsubid = 0
), steps as (
  select 0 as place, u.step as name, u.step from users_of_labels u where u.step is not null
  union all
  select 1, '', format('alter table %s alter column %s drop default', u.relation, u.column_name) from users u where u.value is not null
  union all
  select 2, '', format('alter type %s rename to %I', t.oid::regtype, left(t.typname || '_dbarch_old', 63)) from pg_type t where t.oid = $1::regtype
  union all
  select 3, '', format('create type %s as enum (%s)', t.oid::regtype, (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
    from pg_type t where t.oid = $1::regtype
  union all
  select 4, u.relation || u.column_name, format('alter table %s alter column %s type %s using %s::text::%s', u.relation, u.column_name, $1::regtype, u.column_name, $1::regtype) from users u
  union all
  select 5, u.relation || u.column_name, format('alter table %s alter column %s set default %s', u.relation, u.column_name, u.value) from users u where u.value is not null
  union all
  select 6, '', format('drop type %I.%I', t.typnamespace::regnamespace, left(t.typname || '_dbarch_old', 63)) from pg_type t where t.oid = $1::regtype
)
select string_agg(s.step, e';\n' order by s.place, s.name)
  from steps s
