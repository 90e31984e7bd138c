-- expect: public.naked(at, until) question not needed
-- suppressed: public.opening(from_time)
CREATE TABLE naked (id int PRIMARY KEY, at timestamp, zoned timestamptz, until timestamp(3));
CREATE TABLE fine (id int PRIMARY KEY, at timestamptz, d date, t time);
CREATE TABLE arr (id int PRIMARY KEY, at timestamp[]);
-- dbarch: allow timestamp-without-zone wall-clock times
CREATE TABLE opening (id int PRIMARY KEY, from_time timestamp);
