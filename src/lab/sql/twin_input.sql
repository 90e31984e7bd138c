-- Where a survey's facts and statistics are put first, and how each is taken: what the lab cannot read goes without, by name.
create temporary table facts_in (namespace text, relation text, blocks float8, pages float8, tuples float8, all_visible float8, height int, rank int);
create temporary table statistics_in (kind text, namespace text, relation text, attribute text, inherited bool, nulls float4, width int, distinct_values float4,
  common_values text, common_frequencies text, histogram text, correlation float4, common_elements text, element_frequencies text,
  element_counts text, range_lengths text, range_empty float4, range_bounds text);
create temporary table ends_in (namespace text, relation text, attribute text, value text);
create temporary table extended_in (namespace text, object text, columns text[], numbers int2[], distinct_values text, dependencies text,
  common_values text, common_nulls text, frequencies text, base_frequencies text);
create temporary table gin_in (namespace text, relation text, pages float8, search_pages float8, keys_log2 float8);
create temporary table failed (object text, problem text);
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
