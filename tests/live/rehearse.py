#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbarch migrate rehearse, and what up asks for: receipts, words for what is destroyed, backups that were restored, reasons in the ledger."""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import DBARCH, WORK, clean_env, contains, equal, finish, run, test, write  # noqa: E402
from target import BIN, MAJOR, Target  # noqa: E402

TARGET = Target()
SCHEMA = """create schema shop;
create type shop.state as enum ('new', 'paid');
create table shop.customers (id bigint generated always as identity primary key, email text not null unique, name text);
create table shop.orders (id bigint generated always as identity primary key, customer_id bigint not null references shop.customers, state shop.state not null,
  total numeric(10, 2) not null, at timestamptz not null default now());
insert into shop.customers (email, name) select 'c' || i || '@x.example', 'name ' || i from generate_series(1, 5000) i;
insert into shop.orders (customer_id, state, total) select 1 + i % 5000, (array['new', 'paid'])[1 + i % 2]::shop.state, i % 1000 from generate_series(1, %d) i;
vacuum analyze;
"""
WORKLOAD = """select * from shop.orders where id = $1;
select name from shop.customers where id = $1;
insert into shop.orders (customer_id, state, total) values ($1, 'new', $2);
update shop.orders set state = 'paid' where id = $1;
"""
LOAD = ("--workload", "workload.sql", "--time", "1", "--clients", "2")


class Project:
    """A repository with migrations, and a target of its own."""

    def __init__(self, name, files, rows=30000, config=None):
        self.folder = os.path.join(WORK, name)
        shutil.rmtree(self.folder, ignore_errors=True)
        for file, text in files.items():
            write(os.path.join(name, "migrations", file), text)
        write(os.path.join(name, "workload.sql"), WORKLOAD)
        if config:
            write(os.path.join(name, "dbarch.yaml"), config)
        self.database = TARGET.database()
        TARGET.psql(self.database, SCHEMA.replace("%d", str(rows)))

    def run(self, *words, **more):
        return run(*words, cwd=self.folder, **more)

    def migrate(self, word, *options, **more):
        return self.run("migrate", word, "-d", TARGET.conninfo(self.database), *options, "--pg-major", MAJOR, **more)

    def rehearse(self, *options, **more):
        return self.migrate("rehearse", *(LOAD if "--workload" not in options else ()), "-q", *options, **more)

    def receipt(self, label):
        with open(os.path.join(self.folder, "ledger", "rehearsals", label + ".json"), encoding="utf-8") as file:
            return json.load(file)["rehearsal"]

    def psql(self, sql):
        return TARGET.psql(self.database, sql)


def pair(name, up, down):
    return {name + ".up.sql": up, name + ".down.sql": down}


# ---- rehearse -------------------------------------------------------------------------------------------------------

def receipt_lets_run():
    project = Project("passes", {**pair("001_note", "alter table shop.orders add note text;\n", "alter table shop.orders drop note;\n"),
                                 **pair("002_index", "-- dbarch: transaction=off\ncreate index concurrently orders_at on shop.orders (at);\n",
                                        "-- dbarch: transaction=off\ndrop index concurrently shop.orders_at;\n")})
    refused = project.migrate("up")
    equal(refused.returncode, 6)
    contains(refused.stderr, "001_note: it was not rehearsed")
    done = project.rehearse()
    equal((done.returncode, done.stderr), (0, ""))
    contains(done.stdout, "2 of 2 passed; receipts are in ledger/rehearsals/")
    receipt = project.receipt("002_index")
    equal((receipt["passed"], receipt["percent"], receipt["clients"], receipt.get("client_errors", 0)), (True, 100, 2, 0))
    contains(receipt["server"], "fsync on")
    assert receipt["wal_bytes"] > 100000 and receipt["duration_ms"] > 1 and len(receipt["workload"]) == 4 and all(c["runs"] > 10 for c in receipt["workload"]), receipt
    done = project.migrate("up")
    equal((done.returncode, project.psql("select string_agg(ledger, ' ' order by label), count(override) from dbarch.migrations")), (0, "rehearsals/001_note.json rehearsals/002_index.json|0"))
    assert not glob.glob(os.path.join(project.folder, "ledger", "*.md"))
    contains(project.rehearse().stdout, "nothing is pending")


def waits_are_seen():
    """An index built under a lock, and a table written anew, for longer than the limit."""
    project = Project("waits", {**pair("001_index", "select 1;\ncreate index orders_total on shop.orders (total, at, id);\n", "drop index shop.orders_total;\n"),
                                **pair("002_type", "alter table shop.orders alter total type numeric(12, 3);\n", "alter table shop.orders alter total type numeric(10, 2);\n")},
                      rows=150000, config="rehearsal: { client_wait: 30ms }\n")
    done = project.rehearse("--clients", "16")
    equal(done.returncode, 6)
    contains(done.stdout, "FAILED  001_index")
    contains(done.stdout, "ShareLock on shop.orders")
    contains(done.stdout, "AccessExclusiveLock")
    contains(done.stdout, "0 of 2 passed")
    first, second = project.receipt("001_index"), project.receipt("002_type")
    equal((first.get("passed", False), first["statements"][1]["line"]), (False, 2))
    assert first["statements"][1]["longest_wait_ms"] > 30 and not first["statements"][0].get("waits"), first["statements"]
    waited = {c["sql"].split(" ")[0]: c.get("waited_ms", 0) for c in first["workload"] if "orders" in c["sql"]}
    assert waited["insert"] > 30 and waited["update"] > 30 and waited["select"] == 0, waited  # SHARE lets readers go on
    waited = {c["sql"].split(" ")[0]: c.get("waited_ms", 0) for c in second["workload"] if "orders" in c["sql"]}
    assert waited["select"] > 30, waited
    assert first["longest_wait_ms"] <= first["duration_ms"] + 50
    refused = project.migrate("up")
    contains(refused.stderr, "did not pass: clients waited up to")
    sized = project.rehearse("--rows", "10%", "--to", "001")
    contains(sized.stdout, "10 % of the subject's")


def errors_are_seen():
    project = Project("errors", pair("001_drop", "alter table shop.customers drop column name;\n", "alter table shop.customers add name text;\n"))
    done = project.rehearse("--format", "github")
    equal(done.returncode, 6)
    contains(done.stdout, "::error")
    contains(done.stdout, 'column "name" does not exist')
    receipt = project.receipt("001_drop")
    equal(receipt.get("passed", False), False)
    assert receipt["client_errors"] > 0
    write("errors/dbarch.yaml", "rehearsal: { client_errors: 1000000 }\n")
    equal(project.rehearse().returncode, 0)


def failure():
    project = Project("fails", {**pair("001_bad", "alter table shop.orders\n  add check (total > 500);\n", "select 1;\n"), **pair("002_b", "select 1;\n", "select 1;\n")})
    done = project.rehearse()
    equal(done.returncode, 6)
    contains(done.stdout, "is violated by some row")
    contains(done.stdout, "0 of 1 passed, 1 behind the one that cannot run were not tried")
    contains(project.rehearse("--format", "md").stdout, "rehearsal-fails")


def bound_to_text_and_age():
    project = Project("bound", pair("001_a", "alter table shop.orders add a int;\n", "alter table shop.orders drop a;\n"))
    survey = os.path.join(project.folder, "production.json")
    out = project.run("survey", "-d", TARGET.conninfo(project.database), "--workload", "workload.sql", "-o", survey, "-q")
    equal(out.returncode, 0)
    equal(run("migrate", "rehearse", "--survey", survey, cwd=project.folder).returncode, 2)  # what is pending?
    done = run("migrate", "rehearse", "--survey", survey, "--from", "001", "--time", "1", "-q", "--pg-major", MAJOR, cwd=project.folder)
    equal(done.returncode, 0)
    contains(done.stderr, "the values of this survey are disguised")
    contains(done.stdout, "1 of 1 passed")
    write("bound/migrations/001_a.up.sql", "alter table shop.orders add a bigint;\n")
    refused = project.migrate("up")
    equal(refused.returncode, 6)
    contains(refused.stderr, "it was edited since")
    write("bound/migrations/001_a.up.sql", "alter table shop.orders add a int;\r\n")  # the same text on Windows
    with open(survey, encoding="utf-8") as file:
        text = file.read()
    taken = re.search(r'"taken_at": "([^"]*)"', text).group(1)
    path = os.path.join(project.folder, "ledger", "rehearsals", "001_a.json")
    with open(path, encoding="utf-8") as file:
        receipt = file.read()
    old = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 40 * 86400))
    write("bound/ledger/rehearsals/001_a.json", receipt.replace(taken, old))
    refused = project.migrate("up")
    equal(refused.returncode, 6)
    contains(refused.stderr, "is 40 days old (limit 30 days)")
    write("bound/dbarch.yaml", "rehearsal: { survey_age: 60d }\n")
    equal(project.migrate("up").returncode, 0)
    write("bound/ledger/rehearsals/001_a.json", receipt.replace('"passed": true', '"passed": maybe'))
    write("bound/migrations/002_b.up.sql", "select 1;\n")
    write("bound/migrations/002_b.down.sql", "select 1;\n")
    write("bound/ledger/rehearsals/002_b.json", "{")
    equal(project.migrate("up").returncode, 3)


def without_workload():
    project = Project("keys", pair("001_a", "lock table shop.orders in exclusive mode;\nselect pg_sleep(0.3);\n", "select 1;\n"), config="rehearsal: { client_wait: 100ms }\n")
    done = run("migrate", "rehearse", "-d", TARGET.conninfo(project.database), "--time", "1", "-q", "--pg-major", MAJOR, cwd=project.folder)
    equal(done.returncode, 6)
    contains(done.stderr, "tells no workload: clients read and write its largest tables by primary key")
    contains(done.stdout, "reads and writes by primary key")
    receipt = project.receipt("001_a")
    assert 200 < receipt["longest_wait_ms"] < 400, receipt["longest_wait_ms"]


def locks_are_tried_again():
    """The runner's own lock_timeout and tries are part of it: a client in a long statement keeps the migration from its lock, and the queue behind it short."""
    project = Project("tries", pair("001_a", "alter table shop.orders add a int;\n", "alter table shop.orders drop a;\n"), config="rehearsal: { client_wait: 10s }\n")
    write("tries/slow.sql", "select pg_sleep(0.3) from shop.orders limit 1;\n" + "".join("select * from shop.orders where id = $1 + %d;\n" % n for n in range(9)))
    project.rehearse("--workload", "slow.sql", "--time", "1", "--lock-timeout", "40ms", "--clients", "12", "--rate", "150", "--tries", "3")
    statement = project.receipt("001_a")["statements"][0]
    assert 1 < statement["tries"] <= 3 and statement["longest_wait_ms"] < 400, statement
    done = project.rehearse("--workload", "slow.sql", "--time", "1", "--lock-timeout", "1s", "--clients", "12", "--rate", "50")
    statement = project.receipt("001_a")["statements"][0]
    assert statement["tries"] == 1 and 10 < statement["waited_ms"] < 400, statement
    contains(done.stdout, "for clients itself")


def lock_is_laid_at_who_took_it():
    """A lock lasts to the end of its transaction: what sleeps behind it is not to blame.  And what is near a limit is said."""
    project = Project("blame", pair("001_a", "alter table shop.orders add a int;\nselect pg_sleep(0.2);\nselect pg_sleep(0.1);\n", "alter table shop.orders drop a;\n"), config="rehearsal: { client_wait: 250ms }\n")
    done = project.rehearse("--out", "page")
    with open(os.path.join(project.folder, "page", "report.html"), encoding="utf-8") as file:
        page = file.read()
    for part in ("0 of 1 passed", "<b class=must>failed</b> <b>001_a</b>", "held to the end of line 3", "What clients felt", "update shop.orders set state = ? where id = $1"):
        contains(page, part)
    assert "dbarch.migrations" not in done.stderr, done.stderr
    first, second, third = project.receipt("001_a")["statements"]
    assert first["waits"] > 0 and first["longest_wait_ms"] > 250 and not second.get("waits") and not third.get("waits"), (first, second, third)
    equal((first["held_to_line"], done.returncode), (3, 6))
    contains(done.stdout, "held to the end of line 3")
    contains(" ".join(done.stdout.split()), "for line 1, whose lock is held to the end of line 3: alter table")
    contains(" ".join(done.stdout.split()), "is near the limit of 250 ms: another rehearsal may pass")


def unfit_workload():
    """Where no statement of the workload can be run, clients work by keys: also behind a migration that took the last one's table."""
    project = Project("unfit", {**pair("001_a", "alter table shop.customers add a int;\n", "alter table shop.customers drop a;\n")})
    write("unfit/none.sql", "select nothing from nowhere where id = $1;\nselect more from nowhere;\n")
    done = project.rehearse("--workload", "none.sql", "--time", "1", "--clients", "2")
    equal(done.returncode, 0)
    contains(done.stdout, "clients ran reads and writes by primary key: no statement of the workload can be run")
    contains(done.stdout, "not run: select nothing")
    equal(project.receipt("001_a")["load"], "reads and writes by primary key")
    assert sum(c["runs"] for c in project.receipt("001_a")["workload"]) > 100
    equal(project.rehearse() and project.receipt("001_a")["load"], "its workload")


def replica():
    project = Project("replica", pair("001_a", "update shop.orders set total = total + 1;\n", "update shop.orders set total = total - 1;\n"), rows=200000, config="rehearsal: { client_wait: 60s, replication_lag: 1ms }\n")
    done = project.rehearse("--replica")
    receipt = project.receipt("001_a")
    assert 0 < receipt["lag_seconds"] < 30, receipt
    contains(done.stdout, "a replica fell behind by")


def limits():
    project = Project("limits", pair("001_a", "create table shop.copy as select * from shop.orders;\n", "drop table shop.copy;\n"), rows=60000)
    for text, part in (("rehearsal: { client_wait: soon }\n", '"soon" is no time'), ("rehearsal: { disk: much }\n", '"much" is no size'),
                       ("rehearsal: { client_weight: 1s }\n", 'did you mean "client_wait"'), ("rehearsal: 5\n", "must be a mapping"), ("rehearsal: { client_errors: few }\n", "must be a number")):
        write("limits/dbarch.yaml", text)
        out = project.rehearse()
        equal(out.returncode, 3)
        contains(out.stderr, part)
    write("limits/dbarch.yaml", "rehearsal: { disk: 1MB, wal: 1MB, duration: 1ms, client_wait: 60s }\n")
    done = project.rehearse()
    equal(done.returncode, 6)
    contains(done.stdout, "of disk more while it runs (limit")
    contains(done.stdout, "of WAL (limit")
    contains(done.stdout, "(limit 1.0")


# ---- what is destroyed ----------------------------------------------------------------------------------------------

DESTROYS = {**pair("001_drop", "create table shop.new (id int);\ninsert into shop.new values (1);\ndrop table shop.new;\nalter table shop.customers drop column name;\n", "alter table shop.customers add name text;\n"),
            **pair("002_more", "do $$ begin execute 'truncate shop.orders'; end $$;\n", "do $$ begin raise exception 'rows do not come back'; end $$;\n")}
OVERRIDE = ("--override", "rehearsal=a test")
WORDS = ("--confirm", "shop.customers.name", "--confirm", "shop.orders", "--confirm", "002_more")


def destroyed():
    project = Project("destroyed", DESTROYS)
    before = project.psql("select md5(string_agg(c::text, ',' order by id)) from shop.customers c")
    refused = project.migrate("up", *OVERRIDE)
    equal(refused.returncode, 6)
    contains(refused.stderr, "001_drop.up.sql:4 destroys values of shop.customers.name")
    contains(refused.stderr, "002_more.up.sql:1 destroys values of shop.orders")
    contains(refused.stderr, "002_more cannot be undone: its undo raises")
    contains(refused.stderr, "--confirm shop.customers.name --confirm shop.orders --confirm 002_more")
    assert "shop.new" not in refused.stderr  # it made that itself
    refused = project.migrate("up", *OVERRIDE, *WORDS)
    equal(refused.returncode, 6)
    contains(refused.stderr, "there is no backup of shop.customers.name, shop.orders")
    assert not glob.glob(os.path.join(project.folder, "ledger", "*.md"))  # nothing was decided yet
    equal(project.psql("select count(*) from dbarch.migrations"), "0")
    done = project.migrate("up", *OVERRIDE, *WORDS, "--backup-dir", "backups")
    equal(done.returncode, 0)
    contains(done.stderr, "restored in the lab and equal")
    dumps = sorted(glob.glob(os.path.join(project.folder, "backups", "*.dump")))  # one before each migration that destroys
    equal(([os.path.basename(dump).split("-", 1)[1] for dump in dumps], os.stat(dumps[0]).st_mode & 0o777), (["001_drop.dump", "002_more.dump"], 0o600))
    subprocess.run([os.path.join(BIN, "psql"), "-Xq", "-d", TARGET.conninfo(project.database), "-c", "drop table shop.orders, shop.customers"], check=True, env=clean_env(), stdout=subprocess.DEVNULL)
    for dump in dumps:
        subprocess.run([os.path.join(BIN, "pg_restore"), "-d", TARGET.conninfo(project.database), dump], check=True, env=clean_env())
    equal(project.psql("select md5(string_agg(c::text, ',' order by id)) from shop.customers c"), before)
    equal(project.psql("select count(*) from shop.orders"), "30000")


def cascades():
    """What goes with it is named too: by references, by inheritance, by types, under another name, in a schema that the script looks in, behind policies."""
    files = {**pair("001_a", "truncate shop.customers cascade;\n", "select 1;\n")}
    cases = (("truncate shop.customers cascade;", ["shop.customers", "shop.orders"]), ("drop type shop.state cascade;", ["shop.orders.state"]),
             ("alter table shop.orders rename to o2;\ndrop table shop.o2;", ["shop.orders"]), ("alter table shop.customers rename name to n2;\nalter table shop.customers drop n2;", ["shop.customers.name"]),
             ("set search_path = shop;\ndrop table orders;", ["shop.orders"]), ("drop table parent cascade;", ["public.child", "public.parent"]), ("alter table parent drop x;", ["public.child.x"]),
             ("delete from shop.orders where true;", ["shop.orders"]), ("drop extension citext cascade;", ["public.e.c"]), ("truncate hidden;", ["public.hidden"]),
             ("with gone as (delete from shop.orders returning 1) select 1;", ["shop.orders"]), ("drop schema shop cascade;", ["shop.customers", "shop.orders"]),
             ("do $$ begin execute 'drop table ' || 'shop.orders'; drop table shop.customers; end $$;", ["shop.customers"]),
             # Seen by a lab alone.
             ("do $$ begin execute 'drop '||'table '||'shop.orders cascade'; end $$;", ["shop.orders"]), ("do $$ declare q text := 'drop table shop.orders'; begin execute q; end $$;", ["shop.orders"]),
             ("do $$ declare r record; begin for r in select tablename from pg_tables where schemaname = 'shop' loop execute format('truncate shop.%I cascade', r.tablename); end loop; end $$;", ["shop.customers", "shop.orders"]),
             ("select public.wipe();", ["shop.orders"]), ("alter schema shop rename to s2;\ndrop schema s2 cascade;", ["shop.customers", "shop.orders"]),
             ("alter table shop.orders set schema public;\ndrop table public.orders;", ["shop.orders"]), ("delete from shop.orders where 1 = 1;", ["shop.orders"]),
             ("create table shop.o2 (like shop.orders);\nalter table shop.orders rename to o_old;\nalter table shop.o2 rename to orders;\ndrop table shop.o_old;", ["shop.orders"]),
             ("create function public.g() returns void language plpgsql as 'begin execute ''drop table shop.orders''; end';\nselect public.g();", ["shop.orders"]),
             ("insert into shop.customers (email) values ('x');\nupdate shop.customers set name = 'x' where name is null;\ndo $$ begin perform 1; end $$;", []),
             ("drop table if exists none_there;\ntruncate empty_one;\ndelete from empty_one where a < 0;\nalter table empty_one drop a;\ndrop table empty_one;", []),
             ("delete from shop.orders where id < 0;", ["shop.orders"]), ("merge into shop.orders o using (values (4711)) v (id) on o.id = v.id when matched then delete;", ["shop.orders"]),
             ("explain analyze delete from shop.orders where id = 4711;", ["shop.orders"]), ("alter table ranges drop b;", ["public.ranges.b"]), ("truncate ranges_1;", ["public.ranges_1"]),
             ("drop table hard;", ["public.hard"]), ("alter table odd drop b;", ["public.odd.b"]), ("alter type pp drop attribute y cascade;", ["public.typed.v"]),
             ("create temp table orders (id int);\ninsert into orders values (1);\ndelete from pg_temp.orders;", []))
    project = Project("cascades", files)
    project.psql("create table parent (id int, x int); create table child () inherits (parent); insert into child values (1, 2); insert into parent values (1, 1); create extension citext schema public; "
                 "create table e (c citext); insert into e values ('a'); create table hidden (a int); insert into hidden values (1); alter table hidden enable row level security, force row level security; "
                 "create table ranges (at date not null, b text) partition by range (at); create table ranges_1 partition of ranges for values from ('2026-01-01') to ('2027-01-01'); insert into ranges values ('2026-05-05', 'x'); "
                 "create table hard (iban text not null check (iban ~ '^DE[0-9]{20}$')); insert into hard values ('DE12345678901234567890'); create table odd (a int primary key, b point); insert into odd values (1, '(1,2)'); "
                 "create type pp as (x int, y text); create table typed (v pp); insert into typed values ((1, 'precious')); create table empty_one (a int); create function public.wipe() returns void language sql as 'delete from shop.orders'; create role owner_of_hidden; alter table hidden owner to owner_of_hidden")
    for up, objects in cases:
        write("cascades/migrations/001_a.up.sql", up + "\n")
        refused = project.migrate("up", *OVERRIDE, "--to", "001")
        told = sorted(set(re.findall(r"destroys values of ([^\s,]+)", refused.stderr)))
        missing = [name for name in objects if name not in told]
        assert not missing and (objects or not told), (up, told, refused.stderr)
        equal((up, refused.returncode, refused.stderr if refused.returncode and not objects else "", project.psql("with gone as (delete from dbarch.migrations returning 1) select count(*) from gone")), (up, 6, "", "0") if objects else (up, 0, "", "1"))


def written_over():
    """Values that others take the place of are asked for too, unless they stay: an undo that brings some of them back in a lab is no proof for all."""
    project = Project("over", pair("001_a", "select 1;\n", "select 1;\n"))
    project.psql("alter table shop.customers add note text; update shop.customers set note = 'n' where id < 9; create view shop.v as select id, name from shop.customers")
    for up, down, objects in (("update shop.orders set total = 1;", "select 1;", ["shop.orders.total"]), ("update shop.orders set total = total + 1;", "update shop.orders set total = total - 1;", ["shop.orders.total"]),
                              ("update shop.customers set name = case when name is null then 'x' else name end, email = email;", "select 1;", []),
                              ("update shop.customers set name = lower(email), email = 'x' || id where id = 4711;", "select 1;", ["shop.customers.email", "shop.customers.name"]),
                              ("do $$ begin execute 'update shop.customers set name = ' || quote_literal('x'); end $$;", "select 1;", ["shop.customers.name"]),
                              ("alter table shop.orders alter total type numeric(14, 4);\nalter table shop.orders alter state type text;", "select 1;", []),
                              ("alter table shop.orders alter total type int using floor(total);", "alter table shop.orders alter total type numeric(10, 2);", ["shop.orders.total"]),
                              ("alter table shop.orders alter state type text using state::text::varchar;", "select 1;", []),
                              ("update shop.orders o set total = coalesce(c.id, o.total) from shop.customers c where c.id = o.customer_id;", "select 1;", ["shop.orders.total"]),
                              ("update shop.orders o set total = 5 from shop.customers total where total.name is null and o.id = 3;", "select 1;", ["shop.orders.total"]),
                              ("alter table shop.customers alter note type varchar(14);", "alter table shop.customers alter note type text;", ["shop.customers.note"]),
                              ("alter table shop.customers alter note type varchar(14) using left(note, 14);", "select 1;", ["shop.customers.note"]),
                              ("alter table shop.customers alter note type text using trim(note);", "select 1;", ["shop.customers.note"]),
                              ("alter table shop.orders alter total type integer;", "alter table shop.orders alter total type numeric(10, 2);", ["shop.orders.total"]),
                              ("insert into shop.customers (email, name) values ('c1@x.example', 'y') on conflict (email) do update set name = excluded.name;", "select 1;", ["shop.customers.name"]),
                              ("update shop.v set name = 'x';", "select 1;", ["shop.customers.name"]),
                              ("update shop.customers set note = coalesce(note, 'none');", "select 1;", []), ("update shop.customers set note = 'none' where id > 5 and note is null;", "select 1;", []),
                              ("alter table shop.customers add full_name text;\nupdate shop.customers set full_name = name;", "alter table shop.customers drop full_name;", []),
                              ("create table shop.kept as select id, name from shop.customers;\nalter table shop.customers drop name;",
                               "alter table shop.customers add name text;\nupdate shop.customers c set name = k.name from shop.kept k where k.id = c.id;\ndrop table shop.kept;", None)):
        write("over/migrations/001_a.up.sql", up + "\n")
        write("over/migrations/001_a.down.sql", down + "\n")
        project.psql("drop table if exists shop.kept; alter table shop.customers drop if exists full_name, add if not exists name text")
        if "drop name" in up:
            project.psql("drop view shop.v")
        refused = project.migrate("up", *OVERRIDE)
        told = sorted(set(re.findall(r"writes over values of ([^\s,]+)", refused.stderr)))
        equal((up, told), (up, objects or []))
        equal(refused.returncode, 0 if objects == [] else 6)
        assert objects is not None or "destroys values of shop.customers.name" in refused.stderr, refused.stderr
        assert objects is None or "destroys" not in refused.stderr, refused.stderr
        project.psql("delete from dbarch.migrations where label = '001_a'")
        if "alter total" in up or "alter state" in up:
            project.psql("alter table shop.orders alter total type numeric(10, 2), alter state type shop.state using state::text::shop.state")
    write("over/migrations/001_a.up.sql", "update shop.orders set total = 1;\n")
    equal(project.migrate("up", *OVERRIDE, "--confirm", "shop.orders.total", "--backup-dir", "backups").returncode, 0)
    equal(len(glob.glob(os.path.join(project.folder, "backups", "*.dump"))), 1)


def undo_that_destroys():
    project = Project("undo", pair("001_t", "create table shop.t (id int);\n", "drop table shop.t;\n"))
    equal(project.migrate("up", *OVERRIDE).returncode, 0)
    equal(project.migrate("down").returncode, 0)  # it holds nothing
    equal(project.migrate("up", *OVERRIDE).returncode, 0)
    project.psql("insert into shop.t values (1)")
    refused = project.migrate("down")
    equal(refused.returncode, 6)
    contains(refused.stderr, "destroys values of shop.t")
    equal(project.migrate("down", "--confirm", "shop.t", "--override", "backup=a test").returncode, 0)
    contains(project.run("ledger").stdout, "run without a backup: shop.t")


def rows_behind_the_dump():
    """Rows written while the dump is made and tried are seen under a lock, and the backup is made again; rows of who was at work then are in it."""
    project = Project("late", pair("001_drop", "alter table shop.orders drop column total;\n", "alter table shop.orders add total numeric(10, 2);\n"), rows=150000)
    words = (*OVERRIDE, "--confirm", "shop.orders.total", "--backup-dir", "backups", "--pg-major", MAJOR)

    def up(on_restoring, *more):
        process = subprocess.Popen([DBARCH, "migrate", "up", "-d", TARGET.conninfo(project.database), *words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=clean_env(), cwd=project.folder)
        text = ""
        for line in process.stderr:
            text += line
            if "restoring the dump" in line:
                on_restoring()
        process.wait()
        process.stdout.close()
        return process.returncode, text

    insert = "insert into shop.orders (customer_id, state, total) values (1, 'new', 4711)"
    status, text = up(lambda: project.psql(insert))
    equal((status, text if status != 6 else ""), (6, ""))
    contains(text, "shop.orders was written to after its backup was made (15000")
    equal((text.count("it is made again"), len(glob.glob(os.path.join(project.folder, "backups", "*.dump")))), (2, 3))
    equal(project.psql("select count(*), count(total) from shop.orders"), "150003|150003")
    status, text = up(lambda: project.psql(insert), "--backup-lock", "1ms")
    equal((status, text if status != 6 else ""), (6, ""))
    contains(text, "cannot be told within 1.00 ms, for which others wait")
    open_one = TARGET.session(project.database)  # its snapshot's oldest transaction makes all that comes after look new
    open_one.stdin.write("begin; insert into shop.customers (email) values ('open'); select 'there';\n")
    open_one.stdin.flush()
    open_one.stdout.readline()
    project.psql(insert)
    once = [insert]
    status, text = up(lambda: once and project.psql(once.pop()))
    open_one.communicate()
    equal((status, text.count("it is made again")), (0, 1))
    dump = sorted(glob.glob(os.path.join(project.folder, "backups", "*.dump")))[-1]
    out = subprocess.run([os.path.join(BIN, "pg_restore"), "-f", "-", dump], check=True, env=clean_env(), stdout=subprocess.PIPE, encoding="utf-8").stdout
    equal(out.count("\t4711.00\t"), 6)
    equal(project.migrate("down", "--confirm", "shop.orders.total").returncode, 0)
    status, text = up(lambda: project.psql(insert), "--backup-lock", "0")
    equal((status, "made again" in text), (0, False))
    project = Project("late", pair("001_drop", "-- dbarch: transaction=off\nupdate shop.orders set total = 0;\ndo $$ begin update shop.orders set total = 1; end $$;\nalter table shop.orders drop column total;\n", "select 1;\n"), rows=1000)
    status, text = up(lambda: None)  # what it wrote itself is not late
    equal((status, text if status else ""), (0, ""))
    project = Project("late", pair("001_drop", "-- dbarch: transaction=off\nupdate shop.orders set total = 0 where id = 1;\nselect pg_sleep(2);\nalter table shop.orders drop column total;\n", "select 1;\n"), rows=1000)
    status, text = up(lambda: threading.Timer(1.2, lambda: project.psql(insert)).start())  # what others write between its steps is
    equal((status, text if status != 6 else ""), (6, ""))
    contains(text, "shop.orders was written to after its backup was made")


def called_otherwise_by_then():
    """An earlier migration of the run renames what a later one destroys: the backup is of what is destroyed, not of what has its name."""
    def dump_of(project):
        dump = glob.glob(os.path.join(project.folder, "backups", "*.dump"))
        equal(len(dump), 1)
        return subprocess.run([os.path.join(BIN, "pg_restore"), "-f", "-", dump[0]], check=True, env=clean_env(), stdout=subprocess.PIPE, encoding="utf-8").stdout

    for name, first, second, words in (("moved", "alter table shop.orders rename to purchases;\n", "alter table shop.purchases drop total;\n", ("shop.orders.total",)),
                                       ("swapped", "alter table shop.orders rename to orders_old;\ncreate table shop.orders (like shop.orders_old);\n", "drop table shop.orders_old;\n", ("shop.orders", "shop.orders_old")),
                                       ("gone elsewhere", "create schema arch;\nalter table shop.orders set schema arch;\n", "drop table arch.orders;\n", ("shop.orders",))):
        project = Project(name.replace(" ", "-"), {**pair("001_a", first, "select 1;\n"), **pair("002_b", second, "select 1;\n")}, rows=2000)
        confirmed = [word for each in words for word in ("--confirm", each)]
        done = project.migrate("up", *OVERRIDE, *confirmed, "--backup-dir", "backups")
        equal((name, done.returncode, done.stderr if done.returncode else ""), (name, 0, ""))
        equal((name, dump_of(project).count("\tnew\t") + dump_of(project).count("\tpaid\t")), (name, 2000))
    project = Project("again", pair("001_a", "create table shop.t2 (a int);\ndo $$ begin execute 'trunc' || 'ate shop.orders'; end $$;\n", "drop table shop.t2;\n"), rows=50)
    equal(project.migrate("up", *OVERRIDE, "--confirm", "shop.orders", "--override", "backup=a test").returncode, 0)
    project.psql("insert into shop.orders (customer_id, state, total) values (1, 'new', 1)")
    refused = project.migrate("redo", *OVERRIDE)
    equal((refused.returncode, project.psql("select count(*) from shop.orders")), (6, "1"))
    contains(refused.stderr, "destroys values of shop.orders, as a lab saw")


def gone_on_with():
    """What was looked at when it began is not asked for again because half of it is there."""
    project = Project("goes", pair("001_a", "-- dbarch: transaction=off\ncreate table shop.x (id int);\ndo $$ begin perform pg_sleep(3); end $$;\nselect 1;\n", "drop table shop.x;\n"), rows=100)
    process = subprocess.Popen([DBARCH, "migrate", "up", "-d", TARGET.conninfo(project.database), *OVERRIDE, "-q", "--pg-major", MAJOR], cwd=project.folder, env=clean_env(), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until = time.time() + 30
    while project.psql("select to_regclass('shop.x') is not null") == "f" and time.time() < until:
        time.sleep(0.05)
    process.kill()
    process.wait()
    project.psql("select pg_terminate_backend(pid) from pg_stat_activity where query like 'do %' and pid <> pg_backend_pid()")
    done = project.migrate("up", *OVERRIDE)
    equal((done.returncode, done.stderr if done.returncode else ""), (0, ""))
    contains(done.stderr, "does not run in a lab")


def archive():
    project = Project("archive", DESTROYS, config="backup: { archive: wal, age: 10m }\n")
    refused = project.migrate("up", *OVERRIDE, *WORDS)
    equal(refused.returncode, 6)
    contains(refused.stderr, "holds no file")
    path = write("archive/wal/2026/000000010000000000000001", "x")
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    contains(project.migrate("up", *OVERRIDE, *WORDS).stderr, "is 1 h 0 min old (limit 10 min 0 s)")
    write("archive/wal/2026/000000010000000000000002", "x")
    equal(project.migrate("up", *OVERRIDE, *WORDS).returncode, 0)


def backup_that_fails():
    project = Project("full", DESTROYS)
    out = project.migrate("up", *OVERRIDE, *WORDS, "--backup-dir", "/proc/none")
    assert out.returncode not in (0, 70), out.stderr
    write("full/file", "x")
    out = project.migrate("up", *OVERRIDE, *WORDS, "--backup-dir", "file")
    assert out.returncode not in (0, 70), out.stderr
    equal(project.psql("select count(*) from dbarch.migrations"), "0")


# ---- the ledger -----------------------------------------------------------------------------------------------------

def ledger():
    project = Project("ledger", pair("001_index", "create index on shop.orders (at);\n", "select 1;\n"))
    write("ledger/base.sql", "create table t (a int);\n")
    contains(project.run("ledger").stdout, "has no entries yet")
    lint = ("migrate", "lint", "--json", "--no-lab")
    write("ledger/migrations/000_base.up.sql", SCHEMA.replace("%d", "1").replace("vacuum analyze;", ""))
    write("ledger/migrations/000_base.down.sql", "drop schema shop cascade;\n")
    equal([f.get("suppressed", False) for f in json.loads(project.run(*lint).stdout)["findings"] if f["rule"] == "index-blocks-writes"], [False])
    equal(project.run("ledger", "add", "decision", "too", "short").returncode, 2)
    equal(project.run("ledger", "add", "descision", "x", "--because", "y").returncode, 3)
    contains(project.run("ledger", "add", "decision", "x", "--because", "y", "--rule", "index-blocks-wites").stderr, 'did you mean "index-blocks-writes"')
    equal(project.run("ledger", "add", "learning", "x", "--rule", "index-blocks-writes").returncode, 2)
    done = project.run("ledger", "add", "decision", "built at night", "--rule", "index-blocks-writes", "--object", "001", "--because", "nobody writes: \"at night\"\n---\n: #")
    equal(done.returncode, 0)
    found = [f for f in json.loads(project.run(*lint).stdout)["findings"] if f["rule"] == "index-blocks-writes"]
    equal(found[0]["suppressed"], True)
    contains(found[0]["suppressed_by"], "accepted on %s: built at night (ledger/" % time.strftime("%Y-%m-%d", time.gmtime()))
    project.run("ledger", "add", "learning", "VACUUM of orders takes 40 min")
    project.run("ledger", "add", "issue", "Who writes at night?")
    shown = project.run("ledger").stdout
    for part in ("decision  built at night  (index-blocks-writes on 001)", "learning  VACUUM", "open      Who writes"):
        contains(shown, part)
    contains(project.run("ledger", "show", "built-at").stdout, "nobody writes")
    contains(project.run("ledger", "show", "a").stderr, "say more of one")
    equal(len(json.loads(project.run("ledger", "--json").stdout)["entries"]), 3)
    project.run("ledger", "add", "decision", "over", "--rule", "no-primary-key", "--because", "for a while", "--until", "2020-01-01")
    contains(run("review", os.path.join(project.folder, "base.sql"), "-q", "--rule", "no-primary-key", cwd=project.folder).stdout, "no-primary-key")
    project.run("ledger", "add", "decision", "no key needed", "--rule", "no-primary-key", "--object", "public.t", "--because", "it is empty")
    contains(run("review", os.path.join(project.folder, "base.sql"), "-q", "--force", "--rule", "no-primary-key", cwd=project.folder).stdout, "accepted on ")
    for text, part in (("---\nkind: decison\ndate: 2026-01-01\ntitle: x\n---\n", "kind must be"), ("---\nkynd: x\n---\n", 'bad.md:2:1: unknown key "kynd"'),
                       ("---\nkind: decision\ndate: 2026-02-30\ntitle: x\n---\n", "date must be"), ("---\nkind: issue\ndate: 2026-02-03\n---\n", "needs a title"), ("---\nkind: [\n---\n", "bad.md:")):
        write("ledger/ledger/bad.md", text)
        out = project.run("ledger")
        equal(out.returncode, 3)
        contains(out.stderr, part)
    write("ledger/ledger/bad.md", "notes\n")
    contains(project.run("ledger").stderr, "has no front matter: passed over")


def secrets():
    """Nothing that a receipt or the ledger keeps holds a password or a production value."""
    project = Project("secrets", pair("001_u", "create unique index u on shop.orders (state);\n", "drop index shop.u;\n"))
    write("secrets/secret.sql", "select * from shop.customers where name = 'card-4111-1111' and id = $1;\n")
    done = run("migrate", "rehearse", "-d", TARGET.conninfo(project.database) + " password=hunter2\\ tail", "--workload", "secret.sql", "--time", "1", "-q", "--pg-major", MAJOR, cwd=project.folder)
    equal(done.returncode, 6)
    with open(os.path.join(project.folder, "ledger", "rehearsals", "001_u.json"), encoding="utf-8") as file:
        text = file.read()
    for word in ("hunter2", "tail", "card-4111-1111", "=(new)", "=(paid)"):
        assert word not in text, word
    contains(text, "could not create unique index")
    out = run("migrate", "up", "-d", TARGET.conninfo(project.database) + " password=hunter2\\ tail", *OVERRIDE, "--override", "undo=x", cwd=project.folder)
    assert "hunter2" not in out.stdout + out.stderr and "tail" not in out.stdout + out.stderr
    for path in glob.glob(os.path.join(project.folder, "ledger", "*.md")):
        with open(path, encoding="utf-8") as file:
            assert "tail" not in file.read()


for name, function in list(globals().items()):
    if callable(function) and getattr(function, "__module__", "") == "__main__" and name not in ("pair", "Project") and (not sys.argv[1:] or any(word in name for word in sys.argv[1:])):
        test("rehearse: " + name.replace("_", " "), function)
TARGET.stop()
finish()
