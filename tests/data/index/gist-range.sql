-- new: public.bookings USING gist (during)
create table bookings (id int primary key, room int not null, during tstzrange not null, note text);
insert into bookings select i, i % 50, tstzrange('2024-01-01'::timestamptz + (i::bigint * 7919 % 600000) * interval '1 minute', '2024-01-01'::timestamptz + (i::bigint * 7919 % 600000 + 60) * interval '1 minute'), repeat('x', 80) from generate_series(1, 50000) i;
-- workload
select * from bookings where during && tstzrange('2024-06-01', '2024-06-01 02:00');
