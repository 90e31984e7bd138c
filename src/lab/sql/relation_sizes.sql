-- Bytes of relation $1 on disk, with its partitions: itself with its TOAST table, its indexes, all; and its name for people.
with parts as (
  select to_regclass($1) as oid
  union
  select relid from pg_partition_tree(to_regclass($1))
)
select coalesce(sum(pg_table_size(oid)), 0) as table_bytes,
       coalesce(sum(pg_indexes_size(oid)), 0) as index_bytes,
       coalesce(sum(pg_total_relation_size(oid)), 0) as total_bytes
  from parts
