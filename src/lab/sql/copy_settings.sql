-- The settings of database $1, for database $2 too.
with old as (
  select s.setconfig
    from pg_db_role_setting s
    join pg_database d on d.oid = s.setdatabase
   where d.datname = $1 and s.setrole = 0
)
insert into pg_db_role_setting (setdatabase, setrole, setconfig)
select new.oid, 0, old.setconfig from old, pg_database new where new.datname = $2
