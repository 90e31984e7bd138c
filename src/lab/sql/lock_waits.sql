-- Who waits for a lock now, since when, for which, and who is in the way: session $2 before others.
select w.pid, extract(epoch from w.waitstart) * 1000 as since_ms, w.mode, case when w.relation is not null then w.relation::regclass::text end as relation,
       extract(epoch from clock_timestamp() - w.waitstart) * 1000 as waited_ms, a.query as waiter, b.query as holder,
       (select string_agg(distinct h.mode, ', ' order by h.mode) from pg_locks h where h.pid = b.pid and h.granted and h.relation = w.relation) as held,
       b.pid as holder_pid
  from pg_locks w
  join pg_stat_activity a on a.pid = w.pid
  left join lateral (select p from unnest(pg_blocking_pids(w.pid)) p order by p = $2::int desc limit 1) f on true
  left join pg_stat_activity b on b.pid = f.p
 where not w.granted and w.waitstart is not null and a.datname = $1
