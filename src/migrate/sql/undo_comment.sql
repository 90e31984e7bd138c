-- The text of a comment, by the type and the name of what it is on.
select d.description
  from pg_description d
 cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) i
 where d.objoid >= 16384 and i.type || ' ' || i.identity = $1::text
