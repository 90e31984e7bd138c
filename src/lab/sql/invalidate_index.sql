-- An index that the subject has and that is invalid there: a schema cannot be written so, only made so.
update pg_index
   set indisvalid = false, indisready = $3::boolean
 where indexrelid = to_regclass(format('%I.%I', $1::text, $2::text))
