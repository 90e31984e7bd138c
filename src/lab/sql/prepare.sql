-- Once for each lab: the subject's role, which has no power, and the statement counters.
create role dbarch_subject login;
revoke all on database postgres, template1 from public;
grant set on parameter session_replication_role to dbarch_subject;
create schema dbarch;
create extension pg_stat_statements schema dbarch;
