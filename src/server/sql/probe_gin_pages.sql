set local cpu_operator_cost = 0
set local random_page_cost = 1000000
