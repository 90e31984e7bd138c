-- workload: SELECT * FROM orders WHERE customer = 77;
-- workload: SELECT * FROM orders WHERE id = 5;
-- workload: SELECT count(*) FROM small WHERE kind = 3;
-- workload: SELECT * FROM allowed WHERE kind = 77;
-- workload: SELECT * FROM events WHERE device = $1 ORDER BY at DESC LIMIT $2;
-- One customer's orders are looked for in all of them.
-- expect: public.orders(customer) worth-it proven
-- expect: public.events(device, at) worth-it proven
-- suppressed: public.allowed(kind)
-- A key has its index, and a table of one page needs none.
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, note text);
INSERT INTO orders SELECT i, (i::bigint * 7919) % 5000, repeat('x', 80) FROM generate_series(1, 50000) i;
CREATE TABLE small (id int PRIMARY KEY, kind int);
INSERT INTO small SELECT i, i % 5 FROM generate_series(1, 60) i;
CREATE TABLE events (id int PRIMARY KEY, device int NOT NULL, at timestamptz NOT NULL, body text);
INSERT INTO events SELECT i, (i::bigint * 7919) % 40, timestamptz '2026-01-01' + ((i::bigint * 104729) % 500000) * interval '1 minute', repeat('x', 80) FROM generate_series(1, 50000) i;
-- dbarch: allow missing-index it is read once a year
CREATE TABLE allowed (id int PRIMARY KEY, kind int, note text);
INSERT INTO allowed SELECT i, (i::bigint * 7919) % 5000, repeat('x', 80) FROM generate_series(1, 50000) i;
