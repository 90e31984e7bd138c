-- Fields that are told in words: what is kept as a tree or by numbers, and what stands in another catalog.  "t" is the catalog's row.
create temporary table dbarch_words as
select *
  from (values
    ('pg_class', 'relpartbound', 'pg_get_expr(t.relpartbound, t.oid)'),
    ('pg_class', 'reloptions', $$array(select unnest(t.reloptions) union all select 'toast.' || unnest(x.reloptions) from pg_class x where x.oid = t.reltoastrelid order by 1)::text$$),
    ('pg_class', 'view', $$case when t.relkind in ('v', 'm') then pg_get_viewdef(t.oid) end$$),
    ('pg_class', 'columns', $$case when t.relkind in ('r', 'p', 'f', 'c') then array(select a.attname from pg_attribute a
       where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)::text end$$),
    ('pg_attribute', 'default', '(select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = t.attrelid and d.adnum = t.attnum)'),
    ('pg_attribute', 'attoptions', $$array(select o from unnest(t.attoptions) o where o not like 'pg\_attver=%' order by 1)::text$$), -- 17.12's own
    ('pg_attribute', 'atttypid', 'format_type(t.atttypid, t.atttypmod)'),
    ('pg_attribute', 'atttypmod', 'null'),
    ('pg_attribute', 'attstattarget', 'coalesce(t.attstattarget, -1)::text'),
    ('pg_index', 'definition', 'pg_get_indexdef(t.indexrelid)'),
    ('pg_constraint', 'connoinherit', $$case when t.contype in ('c', 'n') then t.connoinherit::text end$$), -- of keys it is a trace of their past
    ('pg_constraint', 'definition', 'pg_get_constraintdef(t.oid)'),
    ('pg_type', 'labels', $$case when t.typtype = 'e' then array(select e.enumlabel from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder)::text end$$),
    ('pg_type', 'typacl', $$array(select a::text from unnest(coalesce(t.typacl, acldefault('T', t.typowner))) a order by 1)::text$$),
    ('pg_proc', 'arguments', $$case t.prokind when 'a' then pg_get_function_identity_arguments(t.oid) else pg_get_function_arguments(t.oid) end$$),
    ('pg_proc', 'body', 'pg_get_function_sqlbody(t.oid)'),
    ('pg_proc', 'proacl', $$array(select a::text from unnest(coalesce(t.proacl, acldefault('f', t.proowner))) a order by 1)::text$$),
    ('pg_class', 'relacl', $$array(select a::text from unnest(coalesce(t.relacl, acldefault((case t.relkind when 'S' then 's' else 'r' end)::"char", t.relowner))) a order by 1)::text$$),
    ('pg_namespace', 'nspacl', $$array(select a::text from unnest(coalesce(t.nspacl, acldefault('n', t.nspowner))) a order by 1)::text$$),
    ('pg_language', 'lanacl', $$array(select a::text from unnest(coalesce(t.lanacl, acldefault('l', t.lanowner))) a order by 1)::text$$),
    ('pg_trigger', 'definition', 'case when not t.tgisinternal then pg_get_triggerdef(t.oid) end'),
    ('pg_policy', 'roles', $$array(select case r when 0 then 'public' else pg_get_userbyid(r) end from unnest(t.polroles) r order by 1)::text$$),
    ('pg_policy', 'polqual', 'pg_get_expr(t.polqual, t.polrelid)'),
    ('pg_policy', 'polwithcheck', 'pg_get_expr(t.polwithcheck, t.polrelid)'),
    ('pg_rewrite', 'definition', 'pg_get_ruledef(t.oid)'),
    ('pg_statistic_ext', 'definition', 'pg_get_statisticsobjdef(t.oid)'),
    ('pg_sequence', 'owned by', $$(select d.refobjid::regclass || '.' || quote_ident(a.attname) from pg_depend d join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
       where d.classid = 'pg_class'::regclass and d.objid = t.seqrelid and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i'))$$),
    ('pg_partitioned_table', 'key', 'pg_get_partkeydef(t.partrelid)'),
    ('pg_publication_rel', 'rows', 'pg_get_expr(t.prqual, t.prrelid)')) as w (catalog, field, expression)
