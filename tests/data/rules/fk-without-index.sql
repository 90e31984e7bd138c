-- expect: public.positive(parent_id) must-fix proven
-- expect: public.partial_other(parent_id) worth-it proven
-- expect: public.brin_only(parent_id) worth-it proven
-- expect: public.not_leading(parent_id) worth-it proven
-- expect: public.two_columns(a, b) worth-it proven
-- expect: public.events(parent_id) worth-it proven
-- expect: public.tiny(parent_id) worth-it tried and rejected
-- suppressed: public.allowed(parent_id)
CREATE TABLE parent (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, UNIQUE (a, b));
INSERT INTO parent SELECT i, i, i FROM generate_series(1, 2000) i;

CREATE TABLE positive (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES parent);
INSERT INTO positive SELECT i, 1 + i % 2000 FROM generate_series(1, 120000) i;
CREATE TABLE partial_other (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX ON partial_other (parent_id) WHERE id > 10;
INSERT INTO partial_other SELECT i, 1 + i % 2000 FROM generate_series(1, 50000) i;
CREATE TABLE brin_only (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX ON brin_only USING brin (parent_id);
INSERT INTO brin_only SELECT i, 1 + i % 2000 FROM generate_series(1, 50000) i;
CREATE TABLE not_leading (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX ON not_leading (id, parent_id);
INSERT INTO not_leading SELECT i, 1 + i % 2000 FROM generate_series(1, 50000) i;
CREATE TABLE two_columns (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES parent (a, b));
CREATE INDEX ON two_columns (a, id, b);
INSERT INTO two_columns SELECT i, 1 + i % 2000, 1 + i % 2000 FROM generate_series(1, 50000) i;
DROP INDEX two_columns_a_id_b_idx;
CREATE TABLE tiny (id int PRIMARY KEY, parent_id int REFERENCES parent);
INSERT INTO tiny SELECT i, i FROM generate_series(1, 5) i;
CREATE TABLE events (id int, parent_id int REFERENCES parent, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-07-01') TO ('2027-01-01') PARTITION BY LIST (id);
CREATE TABLE events_2_rest PARTITION OF events_2 DEFAULT;
INSERT INTO events SELECT i, 1 + i % 2000, date '2026-01-01' + i % 365 FROM generate_series(1, 50000) i;

-- near misses: each of these serves the checks
CREATE TABLE any_order (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES parent (a, b));
CREATE INDEX ON any_order (b, a);
CREATE TABLE not_null_partial (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX ON not_null_partial (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE hashed (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX ON hashed USING hash (parent_id);
CREATE TABLE in_key (parent_id int REFERENCES parent, n int, PRIMARY KEY (parent_id, n));
CREATE TABLE longer (id int PRIMARY KEY, parent_id int REFERENCES parent);
CREATE INDEX ON longer (parent_id, id);
CREATE TABLE partitioned (id int, parent_id int REFERENCES parent, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE partitioned_1 PARTITION OF partitioned FOR VALUES FROM (0) TO (100);
CREATE INDEX ON partitioned (parent_id);

-- dbarch: allow fk-without-index parents are never deleted
CREATE TABLE allowed (id int PRIMARY KEY, parent_id int REFERENCES parent);
INSERT INTO allowed SELECT i, 1 + i % 2000 FROM generate_series(1, 20000) i;
