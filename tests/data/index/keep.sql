-- Nothing goes: a constraint's, a foreign key's only cover, a unique one, the replica identity, a partition's own.
create table parents (id int primary key, code text unique);
create table children (id int primary key, parent_id int not null references parents, code text not null, tag int not null);
create index children_parent on children (parent_id);
create unique index children_code on children (code);
create unique index children_tag on children (id, tag);
alter table children replica identity using index children_tag;
create table logs (id int not null, month int not null, account int not null) partition by list (month);
create table logs_1 partition of logs for values in (1);
create index logs_account on logs (account);
insert into parents select i, md5(i::text) from generate_series(1, 1000) i;
insert into children select i, i % 1000 + 1, md5(i::text), i from generate_series(1, 20000) i;
insert into logs select i, 1, (i::bigint * 7919) % 4000 from generate_series(1, 30000) i;
-- workload
select * from children where id = 5;
select * from logs where account = 77;
