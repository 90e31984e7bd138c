-- One of each kind that the model knows, in odd shapes.
CREATE ROLE app_reader;
CREATE ROLE "Mixed Role";
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE SCHEMA app;
CREATE SCHEMA "Weird ""Schema""";
COMMENT ON SCHEMA app IS 'it''s the app\n';
GRANT USAGE ON SCHEMA app TO app_reader, "Mixed Role";

CREATE TYPE app.mood AS ENUM ('sad', 'it''s ok', 'happy');
COMMENT ON TYPE app.mood IS 'moods';
CREATE DOMAIN app.posint AS integer DEFAULT 1 NOT NULL CONSTRAINT positive CHECK (VALUE > 0) CONSTRAINT small CHECK (VALUE < 1000);
CREATE DOMAIN app.code AS varchar(10) COLLATE "C";
CREATE TYPE app.pair AS (a integer, b text COLLATE "C", m app.mood);
CREATE TYPE app.timerange AS RANGE (subtype = time, multirange_type_name = app.times);

CREATE SEQUENCE app.counter AS integer START 5 INCREMENT 3 MINVALUE 2 MAXVALUE 1000 CACHE 10 CYCLE;
COMMENT ON SEQUENCE app.counter IS 'counts';
GRANT USAGE ON SEQUENCE app.counter TO app_reader;

CREATE FUNCTION app.twice(i integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN i * 2;
CREATE FUNCTION app.atomic(i integer, OUT a integer, OUT b integer) LANGUAGE sql
BEGIN ATOMIC
  SELECT CASE WHEN i > 0 THEN 1 ELSE 2 END, i;
END;
COMMENT ON FUNCTION app.twice(integer) IS 'doubles';
REVOKE ALL ON FUNCTION app.twice(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.twice(integer) TO app_reader;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = app, pg_temp AS $body$
BEGIN
  NEW.changed := now(); -- a ; in a body
  RETURN NEW;
END
$body$;
CREATE PROCEDURE app.nothing(INOUT x integer DEFAULT 3) LANGUAGE plpgsql AS 'BEGIN x := x; END';

CREATE TABLE app.parent (
  id bigint GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5),
  serial_id serial,
  email citext NOT NULL,
  "Quoted Name" text COLLATE "C" DEFAULT 'a;b''c',
  m app.mood DEFAULT 'happy',
  n app.posint,
  pair app.pair,
  price numeric(12, 2) CHECK (price >= 0),
  doubled integer GENERATED ALWAYS AS (app.twice(7) + 1) STORED,
  tags text[] DEFAULT '{}',
  span app.timerange,
  changed timestamptz DEFAULT CURRENT_TIMESTAMP,
  blob bytea,
  status varchar(20) CHECK (status IN ('new', 'done')),
  CONSTRAINT parent_pk PRIMARY KEY (id) INCLUDE (serial_id),
  CONSTRAINT parent_email UNIQUE (email) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT both_or_none CHECK ((tags IS NULL) = (blob IS NULL)) NO INHERIT
) WITH (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE app.parent ALTER blob SET STORAGE EXTERNAL;
ALTER TABLE app.parent ALTER "Quoted Name" SET STATISTICS 500;
ALTER TABLE app.parent ALTER email SET (n_distinct = -0.5);
COMMENT ON TABLE app.parent IS 'the parent';
COMMENT ON COLUMN app.parent."Quoted Name" IS 'odd';
COMMENT ON CONSTRAINT parent_pk ON app.parent IS 'the key';
GRANT SELECT, INSERT ON app.parent TO app_reader WITH GRANT OPTION;
GRANT UPDATE (email, price) ON app.parent TO "Mixed Role";
GRANT SELECT ON app.parent TO PUBLIC;
ALTER TABLE app.parent REPLICA IDENTITY FULL;
CREATE INDEX parent_expr ON app.parent (lower("Quoted Name") text_pattern_ops, price DESC NULLS LAST) WHERE price > 0;
CREATE INDEX parent_trgm ON app.parent USING gin ("Quoted Name" gin_trgm_ops) WITH (fastupdate = off);
CREATE UNIQUE INDEX parent_nnd ON app.parent (status, n) NULLS NOT DISTINCT;
CREATE INDEX parent_incl ON app.parent (price) INCLUDE (status, n);
ALTER INDEX app.parent_expr ALTER COLUMN 1 SET STATISTICS 321;
COMMENT ON INDEX app.parent_expr IS 'expr';
ALTER TABLE app.parent CLUSTER ON parent_incl;
CREATE TRIGGER touch BEFORE UPDATE OF email, price ON app.parent FOR EACH ROW WHEN (OLD.price IS DISTINCT FROM NEW.price) EXECUTE FUNCTION app.touch();
ALTER TABLE app.parent DISABLE TRIGGER touch;
COMMENT ON TRIGGER touch ON app.parent IS 'touches';
CREATE STATISTICS app.parent_stats (dependencies, mcv) ON status, n FROM app.parent;
ALTER STATISTICS app.parent_stats SET STATISTICS 200;

CREATE TABLE app.child (
  a integer NOT NULL,
  b integer NOT NULL,
  parent_id bigint CONSTRAINT child_parent REFERENCES app.parent ON DELETE SET NULL ON UPDATE CASCADE DEFERRABLE,
  during tstzrange,
  PRIMARY KEY (b, a),
  EXCLUDE USING gist (during WITH &&)
);
ALTER TABLE app.child ADD CONSTRAINT self FOREIGN KEY (b, a) REFERENCES app.child (b, a) MATCH FULL NOT VALID;
ALTER TABLE app.child ADD CONSTRAINT late CHECK (a > 0) NOT VALID;
ALTER TABLE app.child ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.child FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON app.child AS RESTRICTIVE FOR UPDATE TO app_reader, "Mixed Role" USING (a > 1) WITH CHECK (b > 1);
CREATE POLICY everyone ON app.child USING (true);
COMMENT ON POLICY mine ON app.child IS 'mine';
CREATE UNIQUE INDEX child_ri ON app.child (a, b);
ALTER TABLE app.child REPLICA IDENTITY USING INDEX child_ri;

-- inheritance
CREATE TABLE app.base (k integer DEFAULT 1, v text NOT NULL, CONSTRAINT k_ok CHECK (k > 0));
CREATE TABLE app.derived (extra integer, CONSTRAINT extra_ok CHECK (extra > 0)) INHERITS (app.base);
ALTER TABLE app.derived ALTER k SET DEFAULT 2;

-- partitions, with columns in another order than the parent's
CREATE TABLE app.events (id bigint NOT NULL, at timestamptz NOT NULL, kind text, parent_id bigint REFERENCES app.parent, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE app.events_2024 PARTITION OF app.events FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00');
CREATE TABLE app.events_odd (kind text, id bigint NOT NULL, parent_id bigint, at timestamptz NOT NULL);
ALTER TABLE app.events ATTACH PARTITION app.events_odd FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT PARTITION BY HASH (id);
CREATE TABLE app.events_rest_a PARTITION OF app.events_rest FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE app.listed (kind text, n integer) PARTITION BY LIST (lower(kind));
CREATE TABLE app.listed_a PARTITION OF app.listed FOR VALUES IN ('a', 'b', NULL);
CREATE INDEX events_kind ON app.events (kind);
CREATE TRIGGER events_touch AFTER INSERT ON app.events FOR EACH ROW EXECUTE FUNCTION app.touch();
CREATE TABLE app.hashed (id integer) PARTITION BY HASH (id);
CREATE TABLE app.hashed_0 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.hashed_1 PARTITION OF app.hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);

CREATE UNLOGGED TABLE app.scratch ();
CREATE TABLE app.typed OF app.pair (a WITH OPTIONS NOT NULL DEFAULT 4);
CREATE TABLE "Weird ""Schema"""."select" ("from" integer PRIMARY KEY, "a.b" text, "naïve ☃" text);
COMMENT ON COLUMN "Weird ""Schema"""."select"."naïve ☃" IS 'snow';

-- a cycle: the default calls a function that takes the table's row
CREATE TABLE app.cyclic (a integer, b integer);
CREATE FUNCTION app.of_row(r app.cyclic) RETURNS integer LANGUAGE sql IMMUTABLE AS 'select r.a';
CREATE FUNCTION app.next_cyclic() RETURNS SETOF app.cyclic LANGUAGE sql AS 'select * from app.cyclic';
CREATE FUNCTION app.one() RETURNS integer LANGUAGE sql IMMUTABLE AS 'select 1';
ALTER TABLE app.cyclic ALTER b SET DEFAULT app.one();

CREATE VIEW app.a_view WITH (security_barrier = true) AS SELECT p.id, p.email FROM app.parent p WHERE p.price > 1 WITH LOCAL CHECK OPTION;
CREATE VIEW app.b_view AS SELECT v.*, row_number() OVER (ORDER BY v.id) AS n FROM app.a_view v;
CREATE VIEW app.c_view (one, two) AS SELECT id, n FROM app.b_view;
CREATE VIEW app.grouped AS SELECT p.id, p.email, count(c.*) FROM app.parent p LEFT JOIN app.child c ON c.parent_id = p.id GROUP BY p.id;
COMMENT ON VIEW app.a_view IS 'a view';
COMMENT ON COLUMN app.a_view.id IS 'its id';
ALTER VIEW app.a_view ALTER email SET DEFAULT 'x@example.com';
CREATE MATERIALIZED VIEW app.mat AS SELECT id, email FROM app.grouped WITH DATA;
CREATE UNIQUE INDEX mat_id ON app.mat (id);
CREATE MATERIALIZED VIEW app.mat_empty AS SELECT 1 AS one WITH NO DATA;

ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO app_reader;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
