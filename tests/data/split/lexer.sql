-- comment ; with 'quotes
select 1; select 'a;b', "c;d", $$ ; $$, $tag$ $$ ; $tag$, E'it\'s;', U&'\0041;', 1e5, $1;
/* nested /* ; */ ; */ select /* ; */ 2
;
;;
create function f() returns int language sql begin atomic select case when true then 1 else 2 end; select 2; end;
create or replace procedure p() begin atomic; insert into t values (1); end;
create table begin_table (a int default (1));
select E'a\\'
'b\';c';
select a$b$c from d$;
SELECT $q$ dollar $q $q$;
create rule r as on insert to t do (select 1; select 2);
select (1;2);
select 1 -- last without semicolon
