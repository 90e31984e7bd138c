-- How the objects of a catalog are named, what they are part of, and which rows are a user's.  A catalog that is not here is named by
-- pg_identify_object, and all of its rows with numbers behind initdb's are a user's.
create temporary table dbarch_keys as
select *
  from (values
    ('pg_namespace', '''schema''', 'quote_ident(t.nspname)', 'null', 't.oid', $$(t.oid >= 16384 or t.nspname = 'public') and t.nspname !~ '^pg_'$$),
    ('pg_class', $$case t.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view' when 'm' then 'materialized view'
       when 'S' then 'sequence' when 'f' then 'foreign table' when 'c' then 'composite type' else 'index' end$$, 't.oid::regclass::text',
     $$coalesce((select i.indrelid from pg_index i where i.indexrelid = t.oid), (select d.refobjid from pg_depend d
       where t.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = t.oid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')))::regclass::text$$, 't.oid', $$t.oid >= 16384 and t.relkind <> 't' and t.relpersistence <> 't' and t.relnamespace <> 'pg_toast'::regnamespace$$),
    ('pg_attribute', $$case when exists (select from pg_class c where c.oid = t.attrelid and c.relkind in ('i', 'I')) then 'statistics target of index column' else 'column' end$$, $$t.attrelid::regclass || '.' || quote_ident(t.attname)$$, 't.attrelid::regclass::text', 't.attrelid',
     $$t.attrelid >= 16384 and t.attnum > 0 and not t.attisdropped and exists (select from pg_class c where c.oid = t.attrelid and c.relpersistence <> 't' and c.relnamespace <> 'pg_toast'::regnamespace
        and (c.relkind in ('r', 'p', 'v', 'm', 'f', 'c') or coalesce(t.attstattarget, -1) >= 0))$$),
    ('pg_index', '''index''', 't.indexrelid::regclass::text', 't.indrelid::regclass::text', 't.indexrelid', $$t.indexrelid >= 16384
       and exists (select from pg_class c where c.oid = t.indexrelid and c.relpersistence <> 't' and c.relnamespace <> 'pg_toast'::regnamespace)$$),
    ('pg_constraint', '''constraint''', $$quote_ident(t.conname) || ' of ' || coalesce(nullif(t.conrelid, 0)::regclass::text, t.contypid::regtype::text)$$,
     $$coalesce(nullif(t.conrelid, 0)::regclass::text, t.contypid::regtype::text)$$, 'coalesce(nullif(t.conrelid, 0), t.contypid)', 't.oid >= 16384'),
    ('pg_trigger', $$case when t.tgisinternal then 'check of foreign key' else 'trigger' end$$,
     $$coalesce((select quote_ident(c.conname) from pg_constraint c where t.tgisinternal and c.oid = t.tgconstraint), quote_ident(t.tgname)) || ' of ' || t.tgrelid::regclass || case when t.tgisinternal then ' by ' || t.tgfoid::regproc else '' end$$,
     't.tgrelid::regclass::text', 't.tgrelid', 't.oid >= 16384'),
    ('pg_policy', '''policy''', $$quote_ident(t.polname) || ' of ' || t.polrelid::regclass$$, 't.polrelid::regclass::text', 't.polrelid', 't.oid >= 16384'),
    ('pg_rewrite', '''rule''', $$quote_ident(t.rulename) || ' of ' || t.ev_class::regclass$$, 't.ev_class::regclass::text', 't.ev_class', $$t.oid >= 16384 and t.rulename <> '_RETURN'$$),
    ('pg_type', '''type''', 't.oid::regtype::text', '(select r.rngtypid from pg_range r where r.rngmultitypid = t.oid)::regtype::text', 't.oid',
     $$t.oid >= 16384 and (t.typtype <> 'c' or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')) and t.typsubscript::oid <> 'array_subscript_handler'::regproc$$),
    ('pg_range', '''type''', 't.rngtypid::regtype::text', 't.rngtypid::regtype::text', 't.rngtypid', 't.rngtypid >= 16384'),
    ('pg_proc', $$case t.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end$$, 't.oid::regprocedure::text', 'null', 't.oid', 't.oid >= 16384'),
    ('pg_aggregate', '''aggregate''', 't.aggfnoid::regprocedure::text', 't.aggfnoid::regprocedure::text', 't.aggfnoid::oid', 't.aggfnoid::oid >= 16384')) as k (catalog, noun, name, part_of, id, condition)
