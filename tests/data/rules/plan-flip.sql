-- options: --grow visits=400x,barred=400x,people=400x,allowed=400x
-- workload: SELECT * FROM visits WHERE person = 7;
-- workload: SELECT count(*) FROM visits WHERE person NOT IN (SELECT person FROM barred);
-- workload: SELECT * FROM people WHERE id = 5;
-- workload: SELECT * FROM countries WHERE code = 'c3';
-- workload: SELECT * FROM allowed WHERE id = 3;
-- A look-up in a table that fits into a page or two is read whole today, and by its index then.
-- expect: public.people: statement 3 note planned
-- The list that NOT IN is tested against outgrows work_mem: then it is read again for every row.
-- expect: public.visits: statement 2 worth-it planned
-- suppressed: public.allowed: statement 5
-- An index scan stays one, and a table that does not grow keeps its plan: statements 1 and 4.
CREATE TABLE people (id int PRIMARY KEY, name text);
INSERT INTO people SELECT i, 'n' || i FROM generate_series(1, 60) i;
CREATE TABLE visits (id int PRIMARY KEY, person int NOT NULL REFERENCES people, at timestamptz NOT NULL);
CREATE INDEX ON visits (person);
INSERT INTO visits SELECT i, 1 + i % 60, timestamptz '2026-01-01' + i * interval '1 hour' FROM generate_series(1, 20000) i;
CREATE TABLE barred (id int PRIMARY KEY, person int NOT NULL);
INSERT INTO barred SELECT i, i * 7 % 5003 FROM generate_series(1, 5000) i;
CREATE TABLE countries (code text PRIMARY KEY, name text);
INSERT INTO countries SELECT 'c' || i, 'n' || i FROM generate_series(1, 50) i;
-- dbarch: allow plan-flip nobody waits for it
CREATE TABLE allowed (id int PRIMARY KEY, name text);
INSERT INTO allowed SELECT i, 'n' || i FROM generate_series(1, 60) i;
