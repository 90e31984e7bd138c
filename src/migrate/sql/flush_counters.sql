-- Counters of the session go to the shared ones when this ends, so that they begin at nothing.
select pg_catalog.pg_stat_force_next_flush()
