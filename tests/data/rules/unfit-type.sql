-- expect: public.bad(price) worth-it proven
-- expect: public.bad(doc) worth-it proven
-- expect: public.bad(code) note not needed
-- expect: public.lines(unit_price) question not needed
-- suppressed: public.allowed(doc)
CREATE TABLE bad (id int PRIMARY KEY, price money DEFAULT 0, doc json DEFAULT '{"a": 1}', code char(3));
INSERT INTO bad SELECT i, i::numeric::money, '{"b": 2}', 'abc' FROM generate_series(1, 100) i;
CREATE DOMAIN three AS char(3);
CREATE TABLE fine (id int PRIMARY KEY, price numeric, doc jsonb, code varchar(3), one "char", d three);
-- dbarch: allow unfit-type the exact text must be kept
CREATE TABLE allowed (id int PRIMARY KEY, doc json);
CREATE TABLE lines (id int PRIMARY KEY, unit_price double precision, ratio double precision, priceless real, total numeric);
