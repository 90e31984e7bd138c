-- How far the slowest replica is behind, in seconds; NULL: there is none, or this role may not see.
select pg_catalog.date_part('epoch', pg_catalog.max(r.replay_lag)) from pg_catalog.pg_stat_replication r
