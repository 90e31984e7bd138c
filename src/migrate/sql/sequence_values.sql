-- Where each sequence stands; NULL: not used yet.
select c.oid::regclass::text, pg_catalog.pg_sequence_last_value(c.oid)::text
  from pg_catalog.pg_class c
 where c.relkind = 'S' and c.oid >= 16384 and c.relpersistence <> 't'
 order by 1
