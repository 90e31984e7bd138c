select instance, relation::text, role, number, key, type, detail, share from dbarch_twin.statement_facts($1)
