-- The table that rows are written to, as it was.
drop table if exists price_target;
create table price_target as select * from price_rows
