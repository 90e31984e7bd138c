-- Another number after a change says that the relation was rewritten.
select relfilenode from pg_class where oid = to_regclass($1)
