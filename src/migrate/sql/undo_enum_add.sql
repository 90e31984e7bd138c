-- The statements that add to the enum $1 the labels that it has in this database beyond $2, where those are all among them, in their order.
with wanted as (
  select e.enumlabel::text as label, row_number() over (order by e.enumsortorder) as place from pg_enum e where e.enumtypid = $1::regtype
), there as (
  select t.label, t.place as old_place, w.place from unnest($2::text[]) with ordinality t(label, place) left join wanted w using (label)
), added as (
  select w.label, w.place, (select n.label from there n where n.place > w.place order by n.place limit 1) as next
    from wanted w
   where w.label not in (select label from there)
)
select string_agg(format('alter type %s add value %L', $1::regtype, a.label) || coalesce(' before ' || quote_literal(a.next), ''), e';\n' order by a.place)
  from added a
 where not exists (select from there t where t.place is null)
   and not exists (select from there t join there u on t.old_place < u.old_place and t.place > u.place)
