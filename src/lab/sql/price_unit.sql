-- Reads the table in memory; its cost and its time are held against each other.
explain (analyze, timing off, format text) select count(*) from price_rows where number % 7 = 3
