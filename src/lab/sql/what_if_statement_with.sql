select dbarch_twin.keep_statement($1, $2::text[])
