-- expect: public.twice.again worth-it proven
-- expect: public.differs.acts question not needed
-- suppressed: public.allowed.more
CREATE TABLE parent (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, UNIQUE (a, b));
INSERT INTO parent SELECT i, i, i FROM generate_series(1, 1000) i;
CREATE TABLE twice (id int PRIMARY KEY, p int REFERENCES parent, CONSTRAINT again FOREIGN KEY (p) REFERENCES parent);
INSERT INTO twice SELECT i, 1 + i % 1000 FROM generate_series(1, 5000) i;
CREATE TABLE differs (id int PRIMARY KEY, p int REFERENCES parent, CONSTRAINT acts FOREIGN KEY (p) REFERENCES parent ON DELETE CASCADE);
CREATE TABLE other_columns (id int PRIMARY KEY, p int REFERENCES parent, q int REFERENCES parent);
CREATE TABLE crossed (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES parent (a, b), FOREIGN KEY (b, a) REFERENCES parent (a, b));
-- dbarch: allow duplicate-foreign-key a tool of ours needs the name
CREATE TABLE allowed (id int PRIMARY KEY, p int REFERENCES parent, CONSTRAINT more FOREIGN KEY (p) REFERENCES parent);
