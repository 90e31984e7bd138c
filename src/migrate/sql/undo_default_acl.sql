-- The default rights that are called $1 ("for role a in schema b on tables"), as they are in this database; without any those that the server gives.
select coalesce((select array(select a::text from unnest(d.defaclacl) a order by 1)::text from pg_default_acl d
                  where (pg_identify_object('pg_default_acl'::regclass, d.oid, 0)).identity = $1::text),
                case when m[2] is null then array(select a::text from unnest(acldefault(
                  (case m[3] when 'tables' then 'r' when 'sequences' then 's' when 'functions' then 'f' when 'types' then 'T' when 'large objects' then 'L' else 'n' end)::"char", m[1]::regrole)) a order by 1)::text
                  else '{}' end)
  from (select regexp_match($1::text, '^for role (.*?)( in schema .*)? on (tables|sequences|functions|types|schemas|large objects)$')) as told (m)
