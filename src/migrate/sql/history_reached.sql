update dbarch.migrations set state = $2, begun = $3::integer, done = $4::integer, reached = nullif($5, '')::pg_catalog.text[], rows = $6::bigint where label = $1 returning label
