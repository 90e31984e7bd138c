-- What a twin needs beside the subject's schema: the table of facts that the module reads, and the module's functions.  The
-- place of the module stands where the per cent sign is.
create schema dbarch_twin;
create table dbarch_twin.relation_facts (
  relation oid primary key, blocks float8 not null, pages float8 not null, tuples float8 not null, all_visible float8 not null, height int, rank int
);
create function dbarch_twin.forget_facts() returns void language c as %s, 'dbarch_forget_facts';
create function dbarch_twin.set_column_statistics(relation oid, number int2, inherited bool, nulls float4, width int, distinct_values float4,
  common_values text, common_frequencies float4[], histogram text, correlation float4, common_elements text, element_frequencies float4[],
  element_counts float4[], range_lengths text, range_empty float4, range_bounds text)
  returns void language c as %s, 'dbarch_set_column_statistics';
create function dbarch_twin.set_extended_statistics(object oid, old_numbers int2[], new_numbers int2[], distinct_values text, dependencies text,
  common_values text[], common_nulls bool[], frequencies float8[], base_frequencies float8[])
  returns void language c as %s, 'dbarch_set_extended_statistics';
create function dbarch_twin.add_end(relation oid, number int2, value text) returns void language c strict as %s, 'dbarch_add_end';
create function dbarch_twin.set_gin_counters(index regclass, total_pages float8, entry_pages float8, data_pages float8, entries float8)
  returns void language c strict as %s, 'dbarch_set_gin_counters';
create function dbarch_twin.set_brin_counters(index regclass, last_range_map_page float8)
  returns void language c strict as %s, 'dbarch_set_brin_counters';
