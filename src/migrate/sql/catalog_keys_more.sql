-- The rest of the names.
insert into dbarch_keys values
  ('pg_sequence', '''sequence''', 't.seqrelid::regclass::text', 't.seqrelid::regclass::text', 't.seqrelid',
   $$t.seqrelid >= 16384 and exists (select from pg_class c where c.oid = t.seqrelid and c.relpersistence <> 't')$$),
  ('pg_inherits', '''parent''', $$t.inhparent::regclass || ' of ' || t.inhrelid::regclass$$, 't.inhrelid::regclass::text', 't.inhrelid', 't.inhrelid >= 16384'),
  ('pg_partitioned_table', '''partitioned table''', 't.partrelid::regclass::text', 't.partrelid::regclass::text', 't.partrelid', 't.partrelid >= 16384'),
  ('pg_foreign_table', '''foreign table''', 't.ftrelid::regclass::text', 't.ftrelid::regclass::text', 't.ftrelid', 't.ftrelid >= 16384'),
  ('pg_amop', $$(select i.type from pg_identify_object('pg_amop'::regclass, t.oid, 0) i)$$, $$(select i.identity from pg_identify_object('pg_amop'::regclass, t.oid, 0) i)$$, 'null', 't.amopfamily', 't.oid >= 16384'),
  ('pg_amproc', $$(select i.type from pg_identify_object('pg_amproc'::regclass, t.oid, 0) i)$$, $$(select i.identity from pg_identify_object('pg_amproc'::regclass, t.oid, 0) i)$$, 'null', 't.amprocfamily', 't.oid >= 16384'),
  ('pg_ts_config_map', '''mapping''', $$t.mapcfg::regconfig || ' ' || t.maptokentype || ' ' || t.mapseqno$$, 'null', 't.mapcfg', 't.mapcfg >= 16384'),
  ('pg_description', '''comment on''', $$(select i.type || ' ' || i.identity from pg_identify_object(t.classoid, t.objoid, t.objsubid) i)$$,
   $$case t.classoid when 'pg_class'::regclass then coalesce((select i.indrelid from pg_index i where i.indexrelid = t.objoid), t.objoid)::regclass::text
     when 'pg_constraint'::regclass then (select coalesce(nullif(c.conrelid, 0)::regclass::text, c.contypid::regtype::text) from pg_constraint c where c.oid = t.objoid)
     when 'pg_trigger'::regclass then (select g.tgrelid::regclass::text from pg_trigger g where g.oid = t.objoid)
     when 'pg_policy'::regclass then (select p.polrelid::regclass::text from pg_policy p where p.oid = t.objoid)
     when 'pg_type'::regclass then t.objoid::regtype::text when 'pg_proc'::regclass then t.objoid::regprocedure::text end$$,
   't.objoid', $$(t.objoid >= 16384 and t.classoid <> 'pg_extension'::regclass) or (t.classoid = 'pg_namespace'::regclass and t.objoid = to_regnamespace('public'))$$),
  ('pg_extension', '''extension''', 'quote_ident(t.extname)', 'null', '0::oid', 't.oid >= 16384')
