-- By the index or not at all: an end that needs a sort of the table is not worth the wait.
set local statement_timeout = '5s';
set local enable_seqscan = off;
set local enable_sort = off;
