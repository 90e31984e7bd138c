-- An index that the subject has and that is invalid there: a schema cannot be written so, only made so.  Its own only, never the server's.
update pg_index i
   set indisvalid = false, indisready = $3::boolean
  from pg_class c
 where i.indexrelid = to_regclass(format('%I.%I', $1::text, $2::text)) and c.oid = i.indexrelid and c.oid >= 16384
   and not (select r.rolsuper from pg_roles r where r.oid = c.relowner)
