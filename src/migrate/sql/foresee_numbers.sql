-- Sequences go on behind the numbers of rows that were made.
select pg_catalog.setval(seqrelid::pg_catalog.regclass, 30000) from pg_catalog.pg_sequence where seqmax > 30000 and seqmin < 30000
