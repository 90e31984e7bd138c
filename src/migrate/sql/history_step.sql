update dbarch.migrations set state = $2, begun = $3::integer, done = $4::integer, duration_ms = nullif($5, '')::double precision where label = $1 returning label
