-- The file of each relation, below the data folder, and the blocks that it is to have.
select pg_relation_filepath(c.oid), f.blocks
  from facts_in f
  join pg_namespace n on n.nspname = f.namespace
  join pg_class c on c.relnamespace = n.oid and c.relname = f.relation
 where c.relkind in ('r', 'm', 'i') and pg_temp.is_own(c) and f.blocks >= 1 and pg_relation_filepath(c.oid) is not null
