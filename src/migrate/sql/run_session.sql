-- Of the runner's own session: a lock that is not to be had, or an idle transaction of ours, must not hold up others.
select pg_catalog.set_config('lock_timeout', $1, false), pg_catalog.set_config('statement_timeout', $2, false),
       pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', false), pg_catalog.set_config('application_name', 'dbarch migrate', false),
       pg_catalog.set_config('client_min_messages', 'warning', false)
