-- The statement that makes the made values of the table $1 less smooth: fractions, capitals, blanks at both ends, long texts, parts of seconds; so that an undo that
-- rounds, folds, trims or cuts them is seen to lose something.  Columns that keys, checks and indexes know are left alone.  No row: there are none others.
with plain as (
  select a.attname, t.typname, a.atttypmod
    from pg_catalog.pg_attribute a
    join pg_catalog.pg_type t on t.oid = a.atttypid
   where a.attrelid = pg_catalog.to_regclass($1::text) and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
     and not exists (select from pg_catalog.pg_index i where i.indrelid = a.attrelid and (a.attnum = any (i.indkey) or i.indexprs is not null or i.indpred is not null))
     and not exists (select from pg_catalog.pg_constraint c where c.conrelid = a.attrelid and a.attnum = any (c.conkey) and c.contype <> 'n')
     and not exists (select from pg_catalog.pg_constraint c where c.confrelid = a.attrelid and a.attnum = any (c.confkey))
), rough as (
  select p.attname,
         case when p.typname in ('text', 'citext') or (p.typname = 'varchar' and p.atttypmod = -1) then pg_catalog.format($$' ' || upper(%1$I) || ' and more '$$, p.attname)
              when p.typname = 'varchar' and p.atttypmod >= 24 then pg_catalog.format($$left(' ' || upper(%1$I) || ' and more ', %2$s)$$, p.attname, p.atttypmod - 4)
              when p.typname = 'numeric' and (p.atttypmod = -1 or (p.atttypmod - 4) & 2047 between 1 and 20) then pg_catalog.format('%1$I + 0.5', p.attname)
              when p.typname in ('float4', 'float8') then pg_catalog.format('%1$I + 0.5', p.attname)
              when p.typname in ('timestamp', 'timestamptz', 'time') and p.atttypmod = -1 then pg_catalog.format($$%1$I + interval '0.123456 s'$$, p.attname)
         end as value
    from plain p
)
select pg_catalog.format('update %s set %s', $1::text, pg_catalog.string_agg(pg_catalog.format('%I = %s', r.attname, r.value), ', ' order by r.attname))
  from rough r
 where r.value is not null
having count(*) > 0
