-- Writes the statement that reads all that the catalogs say of what users have made, whatever the version: references are told by the names
-- of what they lead to (pg_get_catalog_foreign_keys()), and so are equal where only numbers differ.  Its rows: catalog, noun, name, what it is a
-- part of, the array of its fields.  One row for each catalog: the statement, and the names of the fields.
with fields as (
  select c.relname::text as catalog, a.attname::text as field, a.attnum as place, t.typname::text as type,
         k.pktable::text as leads_to, coalesce(k.is_array, false) as many, a.attnum::text || '' as number
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    join pg_type t on t.oid = a.atttypid
    left join pg_get_catalog_foreign_keys() k on k.fktable = c.oid and k.fkcols[array_upper(k.fkcols, 1)] = a.attname and array_length(k.fkcols, 1) = 1
   where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r'
     and not exists (select from dbarch_left_out o where o.catalog = c.relname and o.field in (a.attname, '*'))
     and not exists (select from dbarch_words w where w.catalog = c.relname and w.field = a.attname)
     and (a.attname <> 'oid' or exists (select from dbarch_keys d where d.catalog = c.relname) is false)
), references_to (leads_to, form) as (
  values ('pg_class', '%s::regclass::text'), ('pg_type', 'format_type(%s, null)'), ('pg_proc', '%s::oid::regprocedure::text'), ('pg_namespace', '%s::regnamespace::text'),
         ('pg_operator', '%s::regoperator::text'), ('pg_collation', '%s::regcollation::text'), ('pg_authid', 'pg_get_userbyid(%s)::text'), ('pg_am', '(select m.amname::text from pg_am m where m.oid = %s)'),
         ('pg_tablespace', '(select m.spcname::text from pg_tablespace m where m.oid = %s)')
), written as (
  select f.catalog, f.field, f.place,
         case when f.type = '_aclitem' then format('array(select a::text from unnest(t.%I) a order by 1)::text', f.field)
              when f.leads_to is null then format('t.%I::text', f.field)
              when f.many then format('array(select %s from unnest(t.%I) with ordinality as u (e, n) order by n)::text', format(coalesce(r.form, f.other), 'u.e'), f.field)
              else format('case when t.%I::oid <> 0 then %s end', f.field, format(coalesce(r.form, f.other), format('t.%I', f.field))) end as expression
    from (select f.*, format('(pg_identify_object(%L::regclass, %%s, 0)).identity', f.leads_to) as other from fields f) f
    left join references_to r on r.leads_to = f.leads_to
   where f.field <> 'oid'
  union all
  select w.catalog, w.field, 1000, w.expression from dbarch_words w
)
select format('select %L, %s, %s, %s, array[%s]::text from %I t where (%s) and not exists (select from pg_depend d where d.deptype = ''e'' and d.objid = %s)',
              w.catalog, coalesce(min(k.noun), format('(select i.type from pg_identify_object(%L::regclass, t.oid, 0) i)', w.catalog)),
              coalesce(min(k.name), format('(select i.identity from pg_identify_object(%L::regclass, t.oid, 0) i)', w.catalog)), coalesce(min(k.part_of), 'null'),
              string_agg(w.expression, ', ' order by w.place, w.field), w.catalog, coalesce(min(k.condition), 't.oid >= 16384'), coalesce(min(k.id), 't.oid')),
       w.catalog, array_agg(w.field order by w.place, w.field)::text
  from written w
  left join dbarch_keys k on k.catalog = w.catalog
 group by w.catalog
 order by w.catalog
