insert into dbarch.migrations (label, version, checksum, state, duration_ms, dbarch, taken_from, override, ledger)
values ($1, nullif($2, ''), $3, $4, nullif($5, '')::double precision, $6, nullif($7, ''), nullif($8, ''), nullif($9, ''))
