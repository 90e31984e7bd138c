select dbarch_twin.set_hypothetical_pages($1, $2, $3)
