select dbarch_twin.hypothetical_drop($1::regclass)
