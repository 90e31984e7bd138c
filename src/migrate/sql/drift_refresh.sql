-- A schema's dump leaves materialized views unfilled, which is not how they are: without rows it mostly takes an instant.
do $$
declare
  v record;
  again bool := true;
begin
  while again loop
    again := false;
    for v in select c.oid::regclass as name from pg_class c where c.relkind = 'm' and not c.relispopulated loop
      begin
        execute format('refresh materialized view %s', v.name);
        again := true;
      exception when others then null; -- one that reads another waits for it; one that fails without rows stays as it is
      end;
    end loop;
  end loop;
end $$
