-- The types of a prepared statement's parameters, in their order.
select t.type::text
  from pg_prepared_statements s, unnest(s.parameter_types) with ordinality t(type, o)
 where s.name = $1
 order by t.o
