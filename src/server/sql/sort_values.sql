-- The places of some values among the different ones.  The one placeholder is their type, and the collation.
select dense_rank() over (order by u.v::%s) - 1 as place
  from unnest($1::text[]) with ordinality u(v, o)
 order by u.o
