-- Where a survey's facts and statistics are put first, and what of them could not be taken.
create temporary table facts_in (namespace text, relation text, blocks float8, pages float8, tuples float8, all_visible float8, height int, rank int);
create temporary table statistics_in (kind text, namespace text, relation text, attribute text, inherited bool, nulls float4, width int, distinct_values float4,
  common_values text, common_frequencies text, histogram text, correlation float4, common_elements text, element_frequencies text,
  element_counts text, range_lengths text, range_empty float4, range_bounds text);
create temporary table ends_in (namespace text, relation text, attribute text, value text);
create temporary table extended_in (namespace text, object text, columns text[], numbers int2[], distinct_values text, dependencies text,
  common_values text, common_nulls text, frequencies text, base_frequencies text);
create temporary table gin_in (namespace text, relation text, pages float8, search_pages float8, keys_log2 float8);
create temporary table failed (object text, problem text);
