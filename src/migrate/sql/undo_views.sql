-- Drops the views that read the relation $1, or one with a column of the type $2 ("": none): they are made again once what is beneath them has changed.
with below as (
  select case when $1::text <> '' then to_regclass($1::text)::oid end as relation
  union
  select a.attrelid from pg_catalog.pg_attribute a where a.atttypid = case when $2::text <> '' then to_regtype($2::text) end and not a.attisdropped
)
select pg_catalog.string_agg(distinct pg_catalog.format('drop %s if exists %I.%I cascade', case c.relkind when 'm' then 'materialized view' else 'view' end, n.nspname, c.relname), e';\n')
  from below b
  join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = b.relation and d.classid = 'pg_catalog.pg_rewrite'::regclass
  join pg_catalog.pg_rewrite r on r.oid = d.objid
  join pg_catalog.pg_class c on c.oid = r.ev_class and c.relkind in ('v', 'm') and c.oid <> b.relation
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
