select dbarch_twin.use_hypothetical($1::int[])
