select dbarch.pg_stat_statements_reset()
