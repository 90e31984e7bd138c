-- The statements that matter to the shop.
SELECT * FROM shop.customers WHERE email = $1;
SELECT * FROM shop.orders WHERE customer_id = $1 ORDER BY placed_at DESC LIMIT 20;
SELECT i.*, p.title FROM shop.order_items i JOIN shop.products p ON p.id = i.product_id WHERE i.order_id = $1;
SELECT id, title, price FROM shop.products WHERE category_id = $1 AND active ORDER BY price LIMIT 48;
SELECT * FROM shop.reviews WHERE product_id = $1 ORDER BY created_at DESC LIMIT 10;
DELETE FROM shop.products WHERE id = $1;
UPDATE shop.orders SET status = $2 WHERE id = $1;
