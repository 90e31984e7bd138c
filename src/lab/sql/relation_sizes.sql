-- Bytes of relation $1 on disk: itself with its TOAST table, its indexes, all.
select coalesce(pg_table_size(to_regclass($1)), 0) as table_bytes,
       coalesce(pg_indexes_size(to_regclass($1)), 0) as index_bytes,
       coalesce(pg_total_relation_size(to_regclass($1)), 0) as total_bytes
