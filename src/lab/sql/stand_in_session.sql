-- Rows are written by themselves: no trigger runs, nothing is compared with a zone or a style of the host's.
set session_replication_role = replica;
set datestyle = 'ISO, MDY';
set timezone = 'UTC';
set intervalstyle = 'postgres';
