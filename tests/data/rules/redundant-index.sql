-- expect: public.t_a worth-it proven
-- expect: public.t_twin2 worth-it proven
-- expect: public.t_desc worth-it proven
-- expect: public.t_id worth-it proven
-- expect: public.t_inc worth-it proven
-- suppressed: public.kept_x
CREATE TABLE t (id int PRIMARY KEY, a int, b int, c text, d int, e int);
INSERT INTO t SELECT i, i % 100, i % 1000, 'c' || i, i, i FROM generate_series(1, 20000) i;
CREATE INDEX t_a ON t (a);
CREATE INDEX t_a_b ON t (a, b);
CREATE INDEX t_twin1 ON t (d);
CREATE INDEX t_twin2 ON t (d);
CREATE INDEX t_desc ON t (e DESC);
CREATE INDEX t_e_b ON t (e, b);
CREATE INDEX t_id ON t (id);
CREATE INDEX t_inc ON t (b) INCLUDE (a);
CREATE INDEX t_b_a_d ON t (b, a, d);

-- near misses
CREATE INDEX t_pattern ON t (c text_pattern_ops);
CREATE INDEX t_c_a ON t (c, a);
CREATE TABLE n (id int PRIMARY KEY, a int, b int, c int, tags int[]);
CREATE INDEX n_part ON n (a) WHERE b > 0;
CREATE INDEX n_a_b ON n (a, b);
CREATE UNIQUE INDEX n_unique ON n (b);
CREATE INDEX n_b_c ON n (b, c);
CREATE INDEX n_mixed ON n (c DESC, a);
CREATE INDEX n_c_a ON n (c, a, b);
CREATE INDEX n_gin ON n USING gin (tags);
CREATE INDEX n_hash ON n USING hash (a);
CREATE INDEX n_inc ON n (c, b) INCLUDE (tags);
CREATE TABLE ref (n_b int REFERENCES n (b), id int PRIMARY KEY);
CREATE INDEX ON ref (n_b);

-- dbarch: allow redundant-index the planner's favourite in the nightly report
CREATE TABLE kept (id int PRIMARY KEY, x int, y int);
CREATE INDEX kept_x ON kept (x);
CREATE INDEX kept_x_y ON kept (x, y);
