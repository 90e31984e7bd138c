select id, name, relation::text, method, tuples, pages, steady_pages, height, rough from dbarch_twin.hypothetical_index($1)
