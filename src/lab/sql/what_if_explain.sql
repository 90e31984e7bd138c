select line from dbarch_twin.explain($1) as line
