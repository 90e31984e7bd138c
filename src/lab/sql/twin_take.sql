-- One column's statistics may be of a type that the lab reads in another way: it goes without, by name.
create function pg_temp.take(s statistics_in, relation oid, number int2) returns void language plpgsql as $$
begin
  perform dbarch_twin.set_column_statistics(relation, number, s.inherited, s.nulls, s.width, s.distinct_values, s.common_values,
    s.common_frequencies::float4[], s.histogram, s.correlation, s.common_elements, s.element_frequencies::float4[],
    s.element_counts::float4[], s.range_lengths, s.range_empty, s.range_bounds);
exception when others then
  insert into failed values (format('%s.%s.%s', s.namespace, s.relation, s.attribute), sqlerrm);
end $$;
create function pg_temp.take_expression(s statistics_in, object oid) returns void language plpgsql as $$
begin
  perform dbarch_twin.set_expression_statistics(object, s.attribute::int2, s.inherited, s.nulls, s.width, s.distinct_values, s.common_values,
    s.common_frequencies::float4[], s.histogram, s.correlation, s.common_elements, s.element_frequencies::float4[],
    s.element_counts::float4[], s.range_lengths, s.range_empty, s.range_bounds);
exception when others then
  insert into failed values (format('%s.%s, expression %s', s.namespace, s.relation, s.attribute), sqlerrm);
end $$;
create function pg_temp.end_of(e ends_in, relation oid, number int2) returns void language plpgsql as $$
begin
  perform dbarch_twin.add_end(relation, number, e.value);
exception when others then
  insert into failed values (format('%s.%s.%s', e.namespace, e.relation, e.attribute), sqlerrm);
end $$;
create function pg_temp.extended(e extended_in, object oid, relation oid) returns void language plpgsql as $$
declare
  new_numbers int2[] = array(select coalesce(a.attnum, 0::int2) from unnest(e.columns) with ordinality c (name, n)
                               left join pg_attribute a on a.attrelid = relation and a.attname = c.name order by c.n);
begin
  perform dbarch_twin.set_extended_statistics(object, e.numbers, new_numbers, e.distinct_values, e.dependencies, e.common_values::text[],
    e.common_nulls::bool[], e.frequencies::float8[], e.base_frequencies::float8[]);
exception when others then
  insert into failed values (format('%s.%s', e.namespace, e.object), sqlerrm);
end $$;
