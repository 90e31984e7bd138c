-- One row of pg_statistic by SQL: slots as ANALYZE gives them to the type.  What cannot be read goes without, by name.
create function pg_temp.take(s statistics_in, relation oid, number int2, declared oid, coll oid) returns void language plpgsql as $$
declare
  type oid = pg_temp.plain_type(declared);
  element oid = case when type = 'tsvector'::regtype then 'text'::regtype else (select nullif(t.typelem, 0) from pg_type t where t.oid = type) end;
  of_range oid = (select coalesce(r.rngtypid, m.rngtypid) from pg_type t
                    left join pg_range r on r.rngtypid = t.oid left join pg_range m on m.rngmultitypid = t.oid where t.oid = type);
  shares float4[] = s.common_frequencies::float4[];
  of_elements float4[] = s.element_frequencies::float4[];
  counts float4[] = s.element_counts::float4[];
begin
  if type is null then
    insert into failed values (format('%s.%s.%s', s.namespace, s.relation, s.attribute), 'values of a type of the subject''s own need the planner module');
    s.common_values = null; s.histogram = null; s.common_elements = null; s.range_bounds = null; s.range_lengths = null;
  end if;
  insert into pg_statistic
  values (relation, number, s.inherited, coalesce(s.nulls, 0), coalesce(s.width, 0), coalesce(s.distinct_values, 0),
          case when s.common_values is not null and shares is not null then 1 else 0 end,
          case when s.histogram is not null then 2 else 0 end,
          case when s.correlation is not null then 3 else 0 end,
          case when s.common_elements is not null and of_elements is not null and element is not null then 4
               when s.range_lengths is not null and s.range_empty is not null then 6 else 0 end,
          case when counts is not null and element is not null then 5 when s.range_bounds is not null and of_range is not null then 7 else 0 end,
          pg_temp.operator_of(type, 3::int2), pg_temp.operator_of(type, 1::int2), pg_temp.operator_of(type, 1::int2),
          case when s.common_elements is not null then pg_temp.operator_of(element, 3::int2)
               when s.range_lengths is not null then '<(float8,float8)'::regoperator else 0 end,
          case when counts is not null then pg_temp.operator_of(element, 3::int2) else 0 end,
          coll, coll, coll, case when type = 'tsvector'::regtype then 'default'::regcollation::oid when s.range_lengths is null then coll else 0 end,
          case when s.range_bounds is null then coll else 0 end,
          case when s.common_values is not null then shares end, null, case when s.correlation is not null then array[s.correlation] end,
          case when s.common_elements is not null then of_elements when s.range_lengths is not null then array[s.range_empty] end, counts,
          case when shares is not null then array_in(pg_temp.checked(s.common_values, type, shares, 0)::cstring, type, -1) end,
          array_in(pg_temp.checked(s.histogram, type, null, 0)::cstring, type, -1), null,
          case when s.common_elements is not null and of_elements is not null and element is not null
               then array_in(pg_temp.checked(s.common_elements, element, of_elements, 3)::cstring, element, -1)
               when s.range_lengths is not null then array_in(pg_temp.checked(s.range_lengths, 'float8'::regtype, null, 0)::cstring, 'float8'::regtype, -1) end,
          case when of_range is not null then array_in(pg_temp.checked(s.range_bounds, of_range, null, 0)::cstring, of_range, -1) end);
exception when others then
  insert into failed values (format('%s.%s.%s', s.namespace, s.relation, s.attribute), sqlerrm);
end $$;
