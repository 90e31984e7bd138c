-- An extension is the subject role's, as a trusted one would be, so that the subject can drop what it has made.  What it consists of stays
-- the superuser's.
update pg_catalog.pg_extension
   set extowner = (select oid from pg_catalog.pg_roles where rolname = 'dbarch_subject')
 where oid >= 16384 and extowner = (select oid from pg_catalog.pg_roles where rolname = current_user)
returning extname
