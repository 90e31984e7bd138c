select pg_catalog.setval($1::regclass, $2::bigint)
