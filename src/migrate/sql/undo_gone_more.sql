-- The rest of undo_gone.sql.
select format('create schema %s', $2::text) where $1 = 'schema'
union all
select format('create extension %I with schema %I', e.extname, n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace
 where $1 = 'extension' and quote_ident(e.extname) = $2::text
union all
select format('create type %s as enum (%s)', t.oid::regtype, (select string_agg(quote_literal(e.enumlabel), ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
  from pg_type t
 where t.typtype = 'e' and t.oid = case when $1 = 'type' then to_regtype($2::text) end
union all
select format('create domain %s as %s%s%s%s', t.oid::regtype, format_type(t.typbasetype, t.typtypmod), ' default ' || t.typdefault, case when t.typnotnull then ' not null' end,
              (select string_agg(format(' constraint %I %s', c.conname, pg_get_constraintdef(c.oid)), '' order by c.conname) from pg_constraint c
                where c.contypid = t.oid and c.contype = 'c'))
  from pg_type t
 where t.typtype = 'd' and t.oid = case when $1 = 'type' then to_regtype($2::text) end
union all
select format('alter table %s inherit %s', i.inhrelid::regclass, i.inhparent::regclass)
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
 where $1 = 'parent' and not c.relispartition and i.inhparent::regclass || ' of ' || i.inhrelid::regclass = $2
union all
select format('alter table %s attach partition %s %s', i.inhparent::regclass, i.inhrelid::regclass, pg_get_expr(c.relpartbound, c.oid))
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
 where $1 = 'parent' and c.relispartition and i.inhparent::regclass || ' of ' || i.inhrelid::regclass = $2
union all
select format('alter index %s alter column %s set statistics %s', a.attrelid::regclass, a.attnum, a.attstattarget)
  from pg_attribute a
 where $1 = 'statistics target of index column' and a.attrelid::regclass || '.' || quote_ident(a.attname) = $2
union all
select format('alter table %s detach partition %s', i.inhparent::regclass, i.inhrelid::regclass)
  from pg_inherits i
 where $1 = 'partition that is attached' and i.inhrelid::regclass::text = $2
