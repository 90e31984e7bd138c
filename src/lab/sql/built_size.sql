-- Bytes of an index, with its parts.
select greatest((select sum(pg_relation_size(relid)) from pg_partition_tree($1::regclass)), pg_relation_size($1::regclass))
