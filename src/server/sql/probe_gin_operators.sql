set local random_page_cost = 0
set local cpu_operator_cost = 1000000
