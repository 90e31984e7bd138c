-- A session in a transaction learns of a role that another one made only when it takes a lock anew.
savepoint dbarch_look;
select from pg_catalog.pg_roles limit 0;
rollback to savepoint dbarch_look;
release savepoint dbarch_look;
