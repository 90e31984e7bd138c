select cost, hypothetical, indexes from dbarch_twin.plan_costs($1::int[])
