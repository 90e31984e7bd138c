select dbarch_twin.keep_statement($1)
