-- What the text search configuration $1 maps tokens of number $2 to, in this database.
select format('alter text search configuration %s drop mapping if exists for %s', c.oid::regconfig, t.alias)
         || coalesce(format(E';\nalter text search configuration %s add mapping for %s with %s', c.oid::regconfig, t.alias, d.list), '')
  from pg_ts_config c
 cross join lateral ts_token_type(c.cfgparser) t
 cross join lateral (select string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno) from pg_ts_config_map m
                      where m.mapcfg = c.oid and m.maptokentype = t.tokid) as d (list)
 where c.oid::regconfig::text = $1::text and t.tokid = $2::int
