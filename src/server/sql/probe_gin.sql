-- For both questions about a GIN index; each sets one constant more.
set local seq_page_cost = 0
set local cpu_tuple_cost = 0
set local cpu_index_tuple_cost = 0
set local enable_seqscan = off
set local enable_bitmapscan = on
set local constraint_exclusion = off
