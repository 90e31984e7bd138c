-- The modes that other sessions hold on relations that this one can see: what a transaction has itself made blocks nobody.
select distinct l.mode, format('%I.%I', n.nspname, c.relname)
  from pg_locks l
  join pg_class c on c.oid = l.relation
  join pg_namespace n on n.oid = c.relnamespace
 where l.granted and l.pid <> pg_backend_pid()
   and l.database = (select oid from pg_database where datname = current_database())
   and c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_'
 order by 2, 1
