select 1;
create table "open (a int);
