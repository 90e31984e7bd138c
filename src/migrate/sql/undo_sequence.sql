-- The sequence as it is in this database.
select format('alter sequence %s as %s increment by %s minvalue %s maxvalue %s start with %s cache %s %scycle', s.seqrelid::regclass, s.seqtypid::regtype,
              s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache, case when s.seqcycle then '' else 'no ' end)
  from pg_sequence s
 where s.seqrelid = to_regclass($1::text)
