-- expect: public.narrow(p) worth-it proven
-- expect: public.wide(s) question not needed
-- expect: public.odd(p) question not needed
-- suppressed: public.allowed(p)
CREATE TABLE parent (id bigint PRIMARY KEY, s smallint UNIQUE, t text UNIQUE, n numeric UNIQUE);
CREATE TABLE narrow (id int PRIMARY KEY, p int REFERENCES parent);
CREATE TABLE wide (id int PRIMARY KEY, s bigint REFERENCES parent (s));
CREATE TABLE odd (id int PRIMARY KEY, p int REFERENCES parent (n));
CREATE TABLE same (id int PRIMARY KEY, p bigint REFERENCES parent, t varchar(20) REFERENCES parent (t));
CREATE DOMAIN big AS bigint;
CREATE TABLE domained (id int PRIMARY KEY, p big REFERENCES parent);
-- dbarch: allow fk-type-mismatch parents are below two billion for ever
CREATE TABLE allowed (id int PRIMARY KEY, p int REFERENCES parent);
