-- expect: public.heap question not needed
-- expect: public.nullable_key question not needed
-- expect: public.no_columns question not needed
-- suppressed: public.log
CREATE TABLE heap (a int, b text);
CREATE TABLE nullable_key (a int UNIQUE);
CREATE TABLE no_columns ();
CREATE TABLE keyed (a int PRIMARY KEY);
CREATE TABLE parts (a int PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10);
CREATE VIEW v AS SELECT 1 AS one;
-- dbarch: allow no-primary-key append only
CREATE TABLE log (a int);
