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
create function dbarch_twin.set_expression_statistics(object oid, number int2, inherited bool, nulls float4, width int, distinct_values float4,
  common_values text, common_frequencies float4[], histogram text, correlation float4, common_elements text, element_frequencies float4[],
  element_counts float4[], range_lengths text, range_empty float4, range_bounds text)
  returns void language c as %s, 'dbarch_set_expression_statistics';
create function dbarch_twin.set_extended_statistics(object oid, old_numbers int2[], new_numbers int2[], distinct_values text, dependencies text,
  common_values text[], common_nulls bool[], frequencies float8[], base_frequencies float8[])
  returns void language c as %s, 'dbarch_set_extended_statistics';
create function dbarch_twin.add_end(relation oid, number int2, value text) returns void language c strict as %s, 'dbarch_add_end';
create function dbarch_twin.set_gin_counters(index regclass, total_pages float8, entry_pages float8, data_pages float8, entries float8)
  returns void language c strict as %s, 'dbarch_set_gin_counters';
create function dbarch_twin.set_brin_counters(index regclass, table_blocks float8)
  returns void language c strict as %s, 'dbarch_set_brin_counters';
-- Hypothetical indexes, for whoever works in the twin: they change nothing and live as long as the session.
grant usage on schema dbarch_twin to public;
grant select on dbarch_twin.relation_facts to public;
create function dbarch_twin.hypothetical_index(definition text)
  returns table (id int, name text, relation regclass, method text, tuples float8, pages float8, steady_pages float8, height int, rough bool)
  language c strict as %s, 'dbarch_hypothetical_index';
create function dbarch_twin.set_hypothetical_pages(id int, pages float8, height int) returns void language c strict as %s, 'dbarch_set_hypothetical_pages';
create function dbarch_twin.hypothetical_drop(index regclass) returns int language c strict as %s, 'dbarch_hypothetical_drop';
create function dbarch_twin.use_hypothetical(ids int[]) returns void language c strict as %s, 'dbarch_use_hypothetical';
create function dbarch_twin.forget_hypothetical() returns void language c strict as %s, 'dbarch_forget_hypothetical';
create function dbarch_twin.keep_statement(statement text, parameters text[] default null) returns int language c as %s, 'dbarch_keep_statement';
create function dbarch_twin.drop_statement(statement int) returns void language c strict as %s, 'dbarch_drop_statement';
create function dbarch_twin.plan_costs(requests int[]) returns table (cost float8, hypothetical int[], indexes regclass[])
  language c strict as %s, 'dbarch_plan_costs';
create function dbarch_twin.statement_facts(statement int)
  returns table (instance int, relation regclass, role text, number int, key text, type text, detail text, share float8)
  language c strict as %s, 'dbarch_statement_facts';
create function dbarch_twin.explain(statement text) returns setof text language plpgsql as $$
begin
  return query execute case when current_setting('server_version_num')::int >= 160000 then 'explain (generic_plan) ' else 'explain ' end || statement;
end $$;
