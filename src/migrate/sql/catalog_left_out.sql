-- Fields of catalogs that two equal schemas may differ in (numbers, sizes, hints, order of columns) or that another field tells in words;
-- '*' stands for the whole catalog.
create temporary table dbarch_left_out as
select c.catalog, unnest(string_to_array(c.fields, ' ')) as field
  from (values
    ('pg_class', 'oid relname relnamespace reltype relfilenode relpages reltuples relallvisible relallfrozen reltoastrelid relhasindex relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid'),
    ('pg_attribute', 'attrelid attname attnum attlen attbyval attalign attcacheoff attndims atthasdef atthasmissing attmissingval attisdropped'),
    ('pg_index', 'indexrelid indrelid indnatts indnkeyatts indcheckxmin indkey indcollation indclass indoption indexprs indpred'),
    ('pg_constraint', 'oid conname connamespace conrelid contypid confrelid conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin conindid conparentid'),
    ('pg_type', 'oid typname typnamespace typrelid typarray typdefaultbin'),
    ('pg_proc', 'oid proname pronamespace prosqlbody proargdefaults pronargdefaults pronargs'),
    ('pg_trigger', 'oid tgname tgrelid tgparentid tgconstrrelid tgconstrindid tgconstraint tgnargs tgattr tgargs tgqual tgoldtable tgnewtable'),
    ('pg_policy', 'oid polname polrelid polroles'),
    ('pg_rewrite', 'oid rulename ev_class ev_qual ev_action'),
    ('pg_statistic_ext', 'oid stxname stxnamespace stxkeys stxkind stxexprs'),
    ('pg_sequence', 'seqrelid'),
    ('pg_partitioned_table', 'partrelid partnatts partattrs partclass partcollation partexprs'),
    ('pg_inherits', 'inhrelid inhparent inhseqno'),
    ('pg_description', 'objoid classoid objsubid'),
    ('pg_publication_rel', 'oid prqual'),
    ('pg_namespace', 'oid nspname'),
    ('pg_extension', 'oid extconfig'),
    ('pg_event_trigger', 'oid'),
    ('pg_attrdef', '*'), ('pg_enum', '*'), -- fields of their column, their type
    ('pg_depend', '*'), ('pg_shdepend', '*'), ('pg_shdescription', '*'), ('pg_seclabel', '*'), ('pg_shseclabel', '*'), ('pg_init_privs', '*'),
    ('pg_statistic', '*'), ('pg_statistic_ext_data', '*'), ('pg_largeobject', '*'), ('pg_largeobject_metadata', '*'),
    ('pg_database', '*'), ('pg_db_role_setting', '*'), ('pg_authid', '*'), ('pg_auth_members', '*'), ('pg_tablespace', '*'),
    ('pg_parameter_acl', '*'), ('pg_replication_origin', '*'), ('pg_subscription', '*'), ('pg_subscription_rel', '*')) as c (catalog, fields)
