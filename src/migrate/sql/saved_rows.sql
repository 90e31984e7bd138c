-- How the values of the column $2 of the table $1 are set aside in the table $3, brought back, and forgotten; with $2 null, all of its rows.  No row: there is no primary
-- key to find them by.
with key as (
  select string_agg(quote_ident(a.attname), ', ' order by k.n) as columns, string_agg(format('t.%1$I = s.%1$I', a.attname), ' and ' order by k.n) as match
    from pg_index i
   cross join unnest(i.indkey) with ordinality k (attnum, n)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
   where i.indrelid = to_regclass($1::text) and i.indisprimary
), stored as (
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
    from pg_attribute a
   where a.attrelid = to_regclass($1::text) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
)
select format('create table %s as select %s, %s from %s', $3::text, k.columns, $2::text, $1::text),
       format('update %s t set %s = s.%s from %s s where %s', $1::text, $2::text, $2::text, $3::text, k.match), format('drop table %s', $3::text)
  from key k
 where $2::text is not null and k.columns is not null
union all
select format('create table %s as table %s', $3::text, $1::text),
       format('insert into %s (%s) overriding system value select %s from %s', $1::text, s.columns, s.columns, $3::text), format('drop table %s', $3::text)
  from stored s
 where $2::text is null and s.columns is not null
