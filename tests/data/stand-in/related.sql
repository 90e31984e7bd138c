-- Columns that go together, told by extended statistics.
create table person (id int primary key, country text not null, city text not null, zip int not null, plan text, tier int, seat smallint, lang text not null, zone text not null);
insert into person
select i, 'C' || c % 12, 'City ' || c, 10000 + c * 7 + i % 3 * 2500, case when i % 11 = 0 then null when c % 3 = 0 then 'free' else 'paid' end,
       case when i % 11 = 0 then null when c % 3 = 0 then 0 else 1 + i % 4 end, i % 40, 'l' || (i * 7) % 30, 'z' || ((i * 7) % 30) / 6
  from (select i, (i::bigint * i * 31 % 997 % 60)::int as c from generate_series(1, 60000) i) x;
create statistics person_place (dependencies, ndistinct, mcv) on country, city from person;
create statistics person_plan (mcv) on plan, tier from person;
create statistics person_lang (dependencies) on lang, zone from person;

-- Lines of orders: the numbers tell how many each order has.
create table orders (id int primary key, placed date not null);
insert into orders select i, '2024-01-01'::date + i / 40 from generate_series(1, 15000) i;
create table line (order_id int not null references orders, no int not null, qty int not null, primary key (order_id, no));
insert into line select o, n, 1 + (o * 7 + n) % 9 from generate_series(1, 15000) o, generate_series(1, 9) n where n <= 1 + (o::bigint * o * 31 % 997) % 9;
