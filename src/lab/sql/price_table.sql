-- Rows for the price of an entry: numbers in no order, words, a document, a list, a point.
create table price_rows as
  select i as id, hashint8(i)::bigint as number, md5(i::text) as word, jsonb_build_object('a', i % 100, 'b', md5((i % 1000)::text), 'c', true) as document,
         array[i % 50, i % 77, i % 91] as list, point(hashint8(i) % 1000, hashint8(-i) % 1000) as place
    from generate_series(1, 60000) i
