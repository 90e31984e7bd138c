-- expect: public.padded note proven
-- suppressed: public.allowed
CREATE TABLE padded (a boolean NOT NULL, b bigint NOT NULL, c boolean NOT NULL, d bigint NOT NULL, id int PRIMARY KEY);
INSERT INTO padded SELECT true, i, false, i, i FROM generate_series(1, 10000) i;
CREATE TABLE ordered (b bigint NOT NULL, d bigint NOT NULL, id int PRIMARY KEY, a boolean NOT NULL, c boolean NOT NULL, t text);
CREATE TABLE little (a boolean, id int PRIMARY KEY, b bigint);
CREATE TABLE one (id int PRIMARY KEY);
-- dbarch: allow column-order a wide table that is read by position
CREATE TABLE allowed (a boolean NOT NULL, b bigint NOT NULL, c boolean NOT NULL, d bigint NOT NULL, id int PRIMARY KEY);
