-- expect: public.t(a, b) question not needed
-- expect: public.soft(tenant, email, deleted_at) question not needed
-- suppressed: public.allowed(a, b)
CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int, UNIQUE (a, b));
CREATE TABLE n1 (id int PRIMARY KEY, a int UNIQUE);
CREATE TABLE n2 (id int PRIMARY KEY, a int, b int, UNIQUE NULLS NOT DISTINCT (a, b));
CREATE TABLE n3 (id int PRIMARY KEY, a int NOT NULL, b int NOT NULL, UNIQUE (a, b));
CREATE TABLE n4 (id int PRIMARY KEY, a int, UNIQUE (id, a));
CREATE TABLE n5 (id int PRIMARY KEY, a int NOT NULL, b int, UNIQUE (a) INCLUDE (b));
CREATE TABLE n6 (id int PRIMARY KEY, a int, b int);
CREATE UNIQUE INDEX ON n6 (a, b) WHERE b IS NOT NULL;
-- dbarch: allow nullable-unique duplicates without b are wanted
CREATE TABLE allowed (id int PRIMARY KEY, a int NOT NULL, b int, UNIQUE (a, b));
CREATE TABLE soft (id int PRIMARY KEY, tenant int NOT NULL, email text NOT NULL, deleted_at timestamptz, UNIQUE (tenant, email, deleted_at));
-- no primary key: that rule asks
CREATE TABLE n7 (a int, b int, UNIQUE (a, b));
