set local seq_page_cost = 0
set local cpu_tuple_cost = 0
set local cpu_index_tuple_cost = 0
set local enable_seqscan = off
set local enable_bitmapscan = on
set local random_page_cost = 0
set local cpu_operator_cost = 1000000
set local constraint_exclusion = off
