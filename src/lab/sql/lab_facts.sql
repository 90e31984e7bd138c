-- What a receipt says about the server it was measured on.
select format('fsync=%s, shared_buffers=%s, jit=%s, autovacuum=%s', current_setting('fsync'), current_setting('shared_buffers'),
              current_setting('jit'), current_setting('autovacuum')) as settings,
       datcollate || ' (' || case datlocprovider when 'b' then 'builtin' when 'i' then 'icu' else 'libc' end || ')' as locale
  from pg_database
 where datname = 'postgres'
