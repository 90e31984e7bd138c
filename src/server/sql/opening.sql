begin isolation level repeatable read read only
set local search_path = ''
set local statement_timeout = '60s'
set local lock_timeout = '2s'
set local idle_in_transaction_session_timeout = '60s'
set local jit = off
set local max_parallel_workers_per_gather = 0
set local extra_float_digits = 1
set local datestyle = 'ISO'
set local timezone = 'UTC'
