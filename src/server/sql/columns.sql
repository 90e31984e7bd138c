-- The joins that matter are hashed on small catalogs (types, collations); attributes are read once, in order.
select 1259::bigint << 32 | a.attrelid::bigint as parent,
       a.attname as name,
       format_type(a.atttypid, a.atttypmod) as type,
       pg_get_expr(f.adbin, f.adrelid) as default_expr,
       case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end as generated,
       case a.attidentity when 'a' then 'always' when 'd' then 'by default' end as identity,
       case when a.attcollation <> 0 and a.attcollation <> y.typcollation then quote_ident(cn.nspname) || '.' || quote_ident(co.collname) end as collation,
       case when a.attstorage <> y.typstorage then case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' when 'x' then 'extended' end end as storage,
       case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end as compression,
       d.description as comment,
       case when cardinality(a.attoptions) > 1 or a.attoptions[1] not like 'pg\_attver=%' -- 17.12 and later keep a number of their own there
            then array(select o from unnest(a.attoptions) with ordinality u(o, i) where o not like 'pg\_attver=%' order by i) end as options,
       a.attfdwoptions as foreign_options,
       case when a.attacl is not null then a.attacl::text[] end as acl,
       a.attnotnull as not_null,
--@ 18       case when nn.conname <> c.relname || '_' || a.attname || '_not_null' then nn.conname end as not_null_name,
--@ 18       coalesce(not nn.conislocal, false) as not_null_inherited,
       a.attislocal as local,
       a.attinhcount > 0 as inherited,
       coalesce(a.attstattarget, -1) >= 0 as has_statistics_target,
       case when coalesce(a.attstattarget, -1) >= 0 then a.attstattarget end as statistics_target,
       a.attnum as position,
       a.attlen as type_length,
       case a.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 when 'd' then 8 end as type_alignment,
       case when y.typtype = 'd' then (with recursive up as (select y.typbasetype as oid union all
                                         select b.typbasetype from up join pg_type b on b.oid = up.oid where b.typtype = 'd')
                                       select b.typname from up join pg_type b on b.oid = up.oid where b.typtype <> 'd')
            else y.typname end as type_name,
       y.typtype as type_class
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_type y on y.oid = a.atttypid
--@ 18  left join pg_constraint nn on nn.contype = 'n' and nn.conrelid = a.attrelid and nn.conkey[1] = a.attnum
  left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
  left join pg_collation co on co.oid = a.attcollation and a.attcollation <> 100
  left join pg_namespace cn on cn.oid = co.collnamespace
  left join pg_description d on d.objoid = a.attrelid and d.classoid = 'pg_class'::regclass and d.objsubid = a.attnum
 where a.attnum > 0 and not a.attisdropped
   and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by a.attrelid, a.attnum
