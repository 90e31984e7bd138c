-- Locks on relations that session $1 holds, as other sessions name them, and its transaction; what it made itself nobody waits for.
select l.relation::regclass::text, l.mode, l.virtualtransaction
  from pg_locks l join pg_class c on c.oid = l.relation
 where l.pid = $1::int and l.granted and l.locktype = 'relation' and l.mode not in ('AccessShareLock', 'RowShareLock') and l.relation >= 16384
