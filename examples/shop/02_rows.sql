-- Rows by formula: the same on every run.
INSERT INTO shop.customers (email, full_name, country, created_at)
SELECT 'customer' || i || '@example.com', 'Customer ' || i, (ARRAY['DE', 'FR', 'NL', 'ES', 'IT', 'PL'])[1 + i % 6],
       timestamptz '2023-01-01 00:00:00+00' + i * interval '1 hour'
  FROM generate_series(1, 10000) i;

INSERT INTO shop.addresses (customer_id, line1, city, postcode)
SELECT 1 + i % 10000, i || ' Main Street', 'City ' || i % 400, CASE WHEN i % 10 > 0 THEN lpad((i % 99999)::text, 5, '0') END
  FROM generate_series(1, 13000) i;

INSERT INTO shop.categories (parent_id, name)
SELECT CASE WHEN i > 12 THEN 1 + i % 12 END, 'Category ' || i
  FROM generate_series(1, 120) i;

INSERT INTO shop.products (category_id, sku, title, price, active, specs)
SELECT 1 + i % 120, 'SKU-' || lpad(i::text, 6, '0'), 'Product ' || i, ((i * 37) % 20000 / 100.0)::numeric::money, i % 10 > 0,
       json_build_object('color', (ARRAY['red', 'green', 'blue'])[1 + i % 3], 'size', i % 50)
  FROM generate_series(1, 5000) i;

INSERT INTO shop.orders (customer_id, address_id, status, total, placed_at, note)
SELECT 1 + (i * 7919) % 10000, CASE WHEN i % 20 > 0 THEN 1 + (i * 31) % 13000 END,
       (CASE WHEN i % 100 < 84 THEN 'delivered' WHEN i % 100 < 90 THEN 'shipped' WHEN i % 100 < 94 THEN 'paid'
             WHEN i % 100 < 97 THEN 'new' WHEN i % 100 < 99 THEN 'cancelled' ELSE 'returned' END)::shop.order_status,
       (i * 13) % 50000 / 100.0, timestamp '2024-01-01' + i * interval '11 minutes', CASE WHEN i % 10 = 0 THEN 'Leave at the door' END
  FROM generate_series(1, 40000) i;

INSERT INTO shop.order_items (order_id, line_no, product_id, qty, unit_price)
SELECT 1 + (i - 1) / 3, 1 + (i - 1) % 3, 1 + (i * 104729::bigint) % 5000, 1 + i % 4, (i * 17) % 20000 / 100.0
  FROM generate_series(1, 120000) i;

INSERT INTO shop.payments (order_id, method, amount, external_id)
SELECT i, (ARRAY['card', 'paypal', 'invoice'])[1 + i % 3], (i * 13) % 50000 / 100.0, 'ext-' || i
  FROM generate_series(1, 38000) i;

INSERT INTO shop.shipments (order_id, weight_grams, carrier, express, fragile, insured)
SELECT i, 100 + (i * 7) % 20000, (ARRAY['DHL', 'UPS', 'GLS'])[1 + i % 3], i % 5 = 0, i % 7 = 0, i % 3 = 0
  FROM generate_series(1, 30000) i;

INSERT INTO shop.reviews (product_id, customer_id, stars, body)
SELECT 1 + i % 5000, 1 + (i / 5000) * 613 + i % 613, 1 + i % 5, 'Review ' || i
  FROM generate_series(1, 15000) i;

INSERT INTO shop.wishlist (customer_id, product_id)
SELECT 1 + i % 10000, 1 + (i * 53) % 5000
  FROM generate_series(1, 40000) i
    ON CONFLICT DO NOTHING;

INSERT INTO shop.coupons (id, code, percent)
SELECT i, 'SAVE-' || i, 5 + i % 30
  FROM generate_series(1, 200) i;
SELECT setval('shop.coupons_id_seq', 28500);

INSERT INTO shop.stock_moves (product_id, moved_at, delta)
SELECT 1 + i % 5000, timestamptz '2024-01-01 00:00:00+00' + i * interval '5 minutes', (i % 21) - 10
  FROM generate_series(1, 30000) i;

INSERT INTO shop.audit_log (at, who, what)
SELECT timestamptz '2024-01-01 00:00:00+00' + i * interval '1 minute', 'admin', 'change ' || i
  FROM generate_series(1, 5000) i;
