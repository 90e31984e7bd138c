-- expect: public.nearly(id) must-fix proven
-- expect: public.half(id) worth-it proven
-- expect: public.capped(id) worth-it not needed
-- suppressed: public.fixed(id)
CREATE TABLE nearly (id serial PRIMARY KEY, x text);
SELECT setval('nearly_id_seq', 2000000000);
CREATE TABLE child (id int PRIMARY KEY, nearly_id int REFERENCES nearly);
CREATE INDEX ON child (nearly_id);
CREATE TABLE shared (nearly_id int PRIMARY KEY REFERENCES nearly);
CREATE TABLE below (id int PRIMARY KEY, s int REFERENCES shared (nearly_id)); -- grows with it, one step further
CREATE INDEX ON below (s);
CREATE TABLE half (id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
SELECT setval('half_id_seq', 17000);
CREATE TABLE capped (id bigint GENERATED ALWAYS AS IDENTITY (MAXVALUE 1000) PRIMARY KEY);
SELECT setval('capped_id_seq', 600);
-- near misses
CREATE TABLE young (id serial PRIMARY KEY);
SELECT setval('young_id_seq', 1000000000);
CREATE TABLE wide (id bigserial PRIMARY KEY);
SELECT setval('wide_id_seq', 3000000000);
CREATE TABLE unused (id smallserial PRIMARY KEY);
CREATE TABLE round (id smallint GENERATED ALWAYS AS IDENTITY (CYCLE) PRIMARY KEY);
SELECT setval('round_id_seq', 32000);
-- dbarch: allow key-overflow a fixed list
CREATE TABLE fixed (id smallserial PRIMARY KEY);
SELECT setval('fixed_id_seq', 32000);
