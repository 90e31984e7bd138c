-- Of the runner's own session: a lock that is not to be had, or an idle transaction of ours, must not hold up others; and where the role is called
-- dbarch, "$user" must not lead into the schema of the history.
select pg_catalog.set_config('lock_timeout', $1, false), pg_catalog.set_config('statement_timeout', $2, false),
       pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', false), pg_catalog.set_config('application_name', 'dbarch migrate', false),
       pg_catalog.set_config('client_min_messages', 'warning', false),
       case when current_user = 'dbarch'
            then pg_catalog.set_config('search_path', pg_catalog.regexp_replace(pg_catalog.current_setting('search_path'), '"?\$user"?\s*,?\s*', ''), false) end
