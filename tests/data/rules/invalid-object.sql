-- expect: public.t.positive worth-it proven
-- expect: public.t.broken worth-it unproven
-- suppressed: public.old.legacy
CREATE TABLE t (id int PRIMARY KEY, a int, b int);
INSERT INTO t SELECT i, i, -i FROM generate_series(1, 1000) i;
ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;
ALTER TABLE t ADD CONSTRAINT broken CHECK (b > 0) NOT VALID;
ALTER TABLE t ADD CONSTRAINT fine CHECK (id > 0);
-- dbarch: allow invalid-object old rows are known to break it
CREATE TABLE old (id int PRIMARY KEY);
ALTER TABLE old ADD CONSTRAINT legacy CHECK (id > 0) NOT VALID;
