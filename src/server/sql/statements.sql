-- The workload: the statements that took most of the time.  The one placeholder is the quoted schema of the extension.
select s.queryid::text as id, s.query as text, sum(s.calls)::bigint as calls, sum(s.total_exec_time) as total_ms,
       sum(s.total_exec_time) / greatest(sum(s.calls), 1) as mean_ms, sum(s.rows)::bigint as rows,
       sum(s.shared_blks_hit)::bigint as blocks_hit, sum(s.shared_blks_read)::bigint as blocks_read
  from %s.pg_stat_statements s
 where s.dbid = (select d.oid from pg_database d where d.datname = current_database())
   and s.query is not null and s.query <> '<insufficient privilege>'
   and s.query not like '%/* dbarch */%' -- our own: lab, survey, review
   and s.query !~* '\m(from|join)\s+(pg_catalog\.pg_|pg_(class|namespace|attribute|index|constraint|proc|type|stat|settings|database|roles)|information_schema\.)'
   and s.query !~* 'pg_stat_statements'
 group by s.queryid, s.query
 order by sum(s.total_exec_time) desc, s.queryid
 limit 1000
