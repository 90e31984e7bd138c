-- The publication $1, or its part $2 ("shop.orders in publication p"; '': none), as it is in this database.
select format('alter publication %I set (publish = %L, publish_via_partition_root = %s%s)', p.pubname,
              concat_ws(', ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end, case when p.pubdelete then 'delete' end,
                        case when p.pubtruncate then 'truncate' end), p.pubviaroot::text, ', publish_generated_columns = ' || case to_jsonb(p)->>'pubgencols' when 's' then 'stored' when 'n' then 'none' end)
  from pg_publication p where $2::text = '' and quote_ident(p.pubname) = $1::text
union all
select format('alter publication %I add table only %s%s%s', p.pubname, r.prrelid::regclass,
              ' (' || (select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
                        where a.attrelid = r.prrelid and a.attnum = any (r.prattrs::int2[])) || ')',
              ' where (' || pg_get_expr(r.prqual, r.prrelid) || ')')
  from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
 where (pg_identify_object('pg_publication_rel'::regclass, r.oid, 0)).identity = $2::text
