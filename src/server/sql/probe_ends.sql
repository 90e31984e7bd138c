-- By the index: an end that needs a sort of the table is not worth the wait, and the first that takes too long ends the step.
set local statement_timeout = '5s'
set local enable_seqscan = off
set local enable_sort = off
set local constraint_exclusion = off
