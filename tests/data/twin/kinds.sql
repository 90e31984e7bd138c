-- One of every kind that the planner asks about: partitions, inheritance, index methods, types with statistics of their own.
CREATE TYPE mood AS ENUM ('low', 'even', 'high');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE measures (id bigint GENERATED ALWAYS AS IDENTITY, device int NOT NULL, taken timestamptz NOT NULL, value numeric(10, 2), note text) PARTITION BY RANGE (taken);
CREATE TABLE measures_1 PARTITION OF measures FOR VALUES FROM ('2026-01-01') TO ('2026-03-01');
CREATE TABLE measures_2 PARTITION OF measures FOR VALUES FROM ('2026-03-01') TO ('2026-05-01');
CREATE TABLE measures_3 PARTITION OF measures DEFAULT PARTITION BY LIST (device);
CREATE TABLE measures_3_few PARTITION OF measures_3 FOR VALUES IN (1, 2, 3);
CREATE TABLE measures_3_rest PARTITION OF measures_3 DEFAULT;
CREATE INDEX ON measures (device, taken DESC);
CREATE INDEX ON measures_1 USING brin (taken);
INSERT INTO measures (device, taken, value, note)
SELECT 1 + (i * 7919) % 50, timestamptz '2026-01-01' + i * interval '3 minutes', (i * 31 % 10007) / 10.0, CASE WHEN i % 9 = 0 THEN 'n' || i % 40 END FROM generate_series(1, 80000) i;

CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, born date, mood mood, score percent, tags text[], doc jsonb, words tsvector, stay daterange, pair int[], code char(4), ip inet, uid uuid, active boolean);
INSERT INTO people
SELECT i, 'Name ' || (i::bigint * 104729) % 30011, date '1950-01-01' + (i * 37) % 25000, (array['low', 'even', 'high']::mood[])[1 + i * i % 3], (i * i) % 101,
       CASE WHEN i % 5 > 0 THEN array['t' || i % 7, 't' || i % 31, 't' || i % 101] END, jsonb_build_object('kind', i % 11, 'name', 'x' || i % 997, 'deep', jsonb_build_object('n', i % 3)),
       to_tsvector('simple', 'word' || i % 13 || ' word' || i % 211 || ' common'), daterange(date '2026-01-01' + i % 365, date '2026-01-01' + i % 365 + 1 + i % 14),
       array[i % 3, i % 5], lpad((i % 300)::text, 4, '0'), '10.0.0.0'::inet + i % 5000, md5(i::text)::uuid, i % 20 = 0
  FROM generate_series(1, 40000) i;
CREATE INDEX people_lower ON people (lower(name));
CREATE INDEX people_active ON people (born) WHERE active;
CREATE INDEX people_mood ON people USING hash (mood);
CREATE INDEX people_tags ON people USING gin (tags);
CREATE INDEX people_doc ON people USING gin (doc jsonb_path_ops);
CREATE INDEX people_words ON people USING gin (words);
CREATE INDEX people_stay ON people USING gist (stay);
CREATE INDEX people_ip ON people USING spgist (ip);
CREATE INDEX people_name_c ON people (name COLLATE "C" text_pattern_ops);
CREATE INDEX people_cover ON people (code, score DESC NULLS LAST) INCLUDE (name);
CREATE UNIQUE INDEX people_uid ON people (uid);
CREATE INDEX people_kind ON people USING hash ((doc ->> 'kind'));
CREATE INDEX people_upper ON people USING gin (to_tsvector('simple', name));
CREATE STATISTICS people_mood_score (ndistinct, dependencies, mcv) ON mood, score FROM people;
CREATE STATISTICS people_of_expressions (ndistinct, dependencies, mcv) ON mood, (score / 10), lower(left(name, 6)) FROM people;
CREATE STATISTICS people_gaps ON (doc ->> 'absent'), upper(left(name, 7)), (active IS NULL) FROM people;
CREATE STATISTICS people_year ON (extract(year FROM born)) FROM people;
CREATE STATISTICS measures_hour (ndistinct, mcv) ON device, (extract(hour FROM taken AT TIME ZONE 'UTC')) FROM measures;

CREATE TABLE thin (id int, at timestamp) WITH (fillfactor = 10);
INSERT INTO thin SELECT i, timestamp '2026-01-01' + i * interval '1 minute' FROM generate_series(1, 60000) i;
CREATE INDEX ON thin USING brin (at) WITH (pages_per_range = 1);

CREATE TABLE visits (id bigserial PRIMARY KEY, person int NOT NULL REFERENCES people, at timestamp NOT NULL, cost double precision);
INSERT INTO visits (person, at, cost) SELECT 1 + (i::bigint * i) % 40000, timestamp '2026-01-01' + i * interval '47 seconds', i % 977 FROM generate_series(1, 120000) i;
CREATE INDEX ON visits (person);
CREATE INDEX ON visits (at);

CREATE TABLE base (id int, v int);
CREATE TABLE derived (extra text) INHERITS (base);
INSERT INTO base SELECT i, i % 10 FROM generate_series(1, 5000) i;
INSERT INTO derived SELECT i, i % 17, 'e' || i FROM generate_series(5001, 12000) i;
CREATE INDEX ON derived (v);
CREATE MATERIALIZED VIEW daily AS SELECT at::date AS day, count(*) AS n, sum(cost) AS cost FROM visits GROUP BY 1;
CREATE UNIQUE INDEX ON daily (day);
CREATE VIEW frequent AS SELECT p.id, p.name, count(*) AS n FROM people p JOIN visits v ON v.person = p.id GROUP BY p.id HAVING count(*) > 2;
CREATE TABLE never_analysed (id int PRIMARY KEY, t text);
CREATE TABLE hollow (id int PRIMARY KEY);
