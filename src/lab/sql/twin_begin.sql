-- What a twin needs beside the subject's schema: the module's functions, the table of facts that it reads, and tables to
-- put a survey's statistics into.  The place of the module stands where the per cent sign is.
create schema dbarch;
create table dbarch.relation_facts (
  relation oid primary key, blocks float8 not null, pages float8 not null, tuples float8 not null, all_visible float8 not null, height int, rank int
);
create function dbarch.forget_facts() returns void language c as %s, 'dbarch_forget_facts';
create function dbarch.set_column_statistics(relation oid, number int2, inherited bool, nulls float4, width int, distinct_values float4,
  common_values text, common_frequencies float4[], histogram text, correlation float4, common_elements text, element_frequencies float4[],
  element_counts float4[], range_lengths text, range_empty float4, range_bounds text)
  returns void language c as %s, 'dbarch_set_column_statistics';
create function dbarch.add_end(relation oid, number int2, value text) returns void language c strict as %s, 'dbarch_add_end';
create function dbarch.set_gin_counters(index regclass, total_pages float8, entry_pages float8, data_pages float8, entries float8)
  returns void language c strict as %s, 'dbarch_set_gin_counters';
create function dbarch.set_brin_counters(index regclass, last_range_map_page float8)
  returns void language c strict as %s, 'dbarch_set_brin_counters';
create temporary table facts_in (namespace text, relation text, blocks float8, pages float8, tuples float8, all_visible float8, height int, rank int);
create temporary table statistics_in (namespace text, relation text, attribute text, inherited bool, nulls float4, width int, distinct_values float4,
  common_values text, common_frequencies text, histogram text, correlation float4, common_elements text, element_frequencies text,
  element_counts text, range_lengths text, range_empty float4, range_bounds text);
create temporary table ends_in (namespace text, relation text, attribute text, value text);
create temporary table failed (object text, problem text);
-- One column's statistics may be of a type that the lab reads in another way: it goes without, by name.
create function pg_temp.take(s statistics_in, relation oid, number int2) returns void language plpgsql as $$
begin
  perform dbarch.set_column_statistics(relation, number, s.inherited, s.nulls, s.width, s.distinct_values, s.common_values,
    s.common_frequencies::float4[], s.histogram, s.correlation, s.common_elements, s.element_frequencies::float4[],
    s.element_counts::float4[], s.range_lengths, s.range_empty, s.range_bounds);
exception when others then
  insert into failed values (format('%%s.%%s.%%s', s.namespace, s.relation, s.attribute), sqlerrm);
end $$;
create function pg_temp.end_of(e ends_in, relation oid, number int2) returns void language plpgsql as $$
begin
  perform dbarch.add_end(relation, number, e.value);
exception when others then
  insert into failed values (format('%%s.%%s.%%s', e.namespace, e.relation, e.attribute), sqlerrm);
end $$;
