select 1259::bigint << 32 | k.conrelid::bigint as parent,
       k.tableoid::bigint << 32 | k.oid::bigint as oid,
       k.conname as name,
       case k.contype when 'p' then 'primary key' when 'u' then 'unique' when 'f' then 'foreign key' when 'c' then 'check'
                      when 'x' then 'exclusion' when 't' then 'trigger' when 'n' then 'not null' end as kind,
       pg_get_constraintdef(k.oid) as definition,
       up.conname as parent_constraint,
       case when k.contype in ('p', 'u', 'x') then ic.relname end as index,
       rn.nspname as ref_schema,
       rc.relname as ref_table,
       case when k.contype = 'f' then ic.relname end as ref_index,
       case when k.contype = 'f' then case k.confupdtype when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default' end end as on_update,
       case when k.contype = 'f' then case k.confdeltype when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default' end end as on_delete,
       case when k.contype = 'f' then case k.confmatchtype when 'f' then 'full' when 's' then 'simple' when 'p' then 'partial' end end as match,
       d.description as comment,
       k.conkey::text[] as column_numbers,
       k.confkey::text[] as ref_column_numbers,
       case when k.contype = 'f' then 1259::bigint << 32 | k.confrelid::bigint end as ref_oid,
       k.condeferrable as deferrable, k.condeferred as deferred, not k.convalidated as not_valid,
       k.conislocal as local, k.coninhcount > 0 as inherited, k.connoinherit as no_inherit
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_constraint up on up.oid = k.conparentid
  left join pg_class ic on ic.oid = k.conindid
  left join pg_class rc on rc.oid = k.confrelid
  left join pg_namespace rn on rn.oid = rc.relnamespace
  left join pg_description d on d.objoid = k.oid and d.classoid = 'pg_constraint'::regclass and d.objsubid = 0
 where k.contype in ('p', 'u', 'f', 'c', 'x')
   and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by k.conrelid, k.conname
