-- Statistics of columns by SQL alone, where the server has no module: slots as ANALYZE gives them to the type.

-- The type below domains; null where reading a value would run the subject's own code, with the power of who writes here.
create function pg_temp.plain_type(type oid) returns oid language sql as $$
  with recursive below (type, depth) as (
    select $1, 0
    union all
    select t.typbasetype, b.depth + 1 from below b join pg_type t on t.oid = b.type where t.typtype = 'd' and b.depth < 32)
  select t.oid
    from below b
    join pg_type t on t.oid = b.type and t.typtype <> 'd'
    join pg_type e on e.oid = case when t.typcategory = 'A' and t.typelem <> 0 then t.typelem else t.oid end
   where e.oid < 16384 or e.typtype = 'e'
      or exists (select from pg_depend d
                  where d.classid = 'pg_type'::regclass and d.objid = e.oid and d.refclassid = 'pg_extension'::regclass and d.deptype = 'e')
$$;
-- Only what is the subject's own: catalogs and what belongs to a superuser stay as they are.
create function pg_temp.is_own(relation pg_class) returns bool language sql as $$
  select relation.oid >= 16384 and not (select rolsuper from pg_roles where oid = relation.relowner)
$$;
-- An index of hashes, of words or of boxes has attributes of other types than its expressions, which ANALYZE looks at.
create function pg_temp.stores_its_values(relation oid, number int2) returns bool language sql as $$
  select not exists (select from pg_index i join pg_opclass o on o.oid = i.indclass[$2 - 1] join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam
                      where i.indexrelid = $1 and (o.opckeytype not in (0, o.opcintype) or m.amname <> 'btree'))
$$;
-- Of its default btree operator class: strategy 1 is <, 3 is =.
create function pg_temp.operator_of(type oid, strategy int2) returns oid language sql as $$
  select coalesce((
    select o.amopopr
      from pg_type t
      join pg_opclass c on c.opcdefault
       and c.opcintype in (t.oid, case when t.oid = 'varchar'::regtype then 'text'::regtype
                                       when t.typtype = 'e' then 'anyenum'::regtype
                                       when t.typtype = 'r' then 'anyrange'::regtype
                                       when t.typtype = 'm' then 'anymultirange'::regtype
                                       when t.typcategory = 'A' then 'anyarray'::regtype end)
      join pg_am m on m.oid = c.opcmethod and m.amname = 'btree'
      join pg_amop o on o.amopfamily = c.opcfamily and o.amoplefttype = c.opcintype and o.amoprighttype = c.opcintype and o.amopstrategy = $2
     where t.oid = $1
     order by c.opcintype = t.oid desc limit 1), 0)
$$;
-- The planner walks values and frequencies side by side: one list without nulls, and as many of both.
create function pg_temp.checked(list text, type oid, shares float4[], more int) returns text language plpgsql as $$
declare
  plain text = array_in(list::cstring, type, -1);
  n int = cardinality(array_in(list::cstring, type, -1));
begin
  if list is null then
    return null;
  elsif array_ndims(array_in(list::cstring, type, -1)) is distinct from 1 or regexp_replace(plain, '"(\\.|[^"\\])*"', '', 'g') ~ '[{,]NULL[,}]' then
    raise exception 'statistics must be one list without nulls';
  elsif array_ndims(shares) <> 1 or array_position(shares, null) is not null or cardinality(shares) not between n and n + more then
    raise exception '% frequencies for % values', cardinality(shares), n;
  end if;
  return list;
end $$;
