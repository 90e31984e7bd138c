#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbarch migrate drift: what was changed by hand is told by object; what it says would take it back does, on the target itself; what it says would adopt it
makes the same schema elsewhere."""
import functools
import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import WORK, contains, equal, finish, run, test, write  # noqa: E402
from target import MAJOR, Target  # noqa: E402

TARGET = Target()
BASE = """create schema shop;
create type shop.mood as enum ('calm', 'wild');
create table shop.customers (id bigint primary key, email varchar(40) not null check (email in ('a', 'b')), name text default 'x');
create table shop.orders (id bigint generated always as identity primary key, customer_id bigint references shop.customers, total numeric(10, 2), state shop.mood);
create index orders_total on shop.orders (total);
create view shop.large as select id, total from shop.orders where total > 5;
create function shop.twice(n int) returns int language sql immutable as 'select n * 2';
create sequence shop.numbers;
comment on table shop.orders is 'what was sold';
"""
# By hand, and what must be named.
CHANGES = {
    "a column": ("alter table shop.orders add note text", "column shop.orders.note is in no migration"),
    "a column that went": ("alter table shop.customers drop column name", "column shop.customers.name is gone, and a migration makes it"),
    "an index": ("create index by_hand on shop.orders (customer_id)", "index shop.by_hand is in no migration"),
    "an index that went": ("drop index shop.orders_total", "index shop.orders_total is gone"),
    "an index that is another": ("drop index shop.orders_total; create index orders_total on shop.orders (total desc)", "index shop.orders_total"),
    "a default": ("alter table shop.customers alter name set default 'y'", "default of column shop.customers.name is 'y'::text; the migrations make it 'x'::text"),
    "not null": ("alter table shop.orders alter total set not null", "NOT NULL of column shop.orders.total"),
    "a type": ("alter table shop.customers alter name type varchar(90)", "type of column shop.customers.name is character varying(90); the migrations make it text"),
    "a check": ("alter table shop.orders add constraint positive check (total > 0)", "constraint positive of shop.orders is in no migration"),
    "a key that went": ("alter table shop.orders drop constraint orders_customer_id_fkey", "constraint orders_customer_id_fkey of shop.orders is gone"),
    "a label": ("alter type shop.mood add value 'so so' before 'wild'", "labels of type shop.mood: so so"),
    "a comment": ("comment on table shop.orders is 'what was returned'", "comment on table shop.orders"),
    "a grant": ("grant select on shop.orders to public", "grants of table shop.orders"),
    "a view": ("create or replace view shop.large as select id, total from shop.orders where total > 6", "view shop.large"),
    "a function": ("create or replace function shop.twice(n int) returns int language sql immutable as 'select n + n'", "function shop.twice"),
    "a table": ("create table shop.by_hand (id int primary key, t text)", "table shop.by_hand is in no migration"),
    "a table that went": ("drop table shop.orders cascade", "table shop.orders is gone"),
    "a trigger": ("create function shop.f() returns trigger language plpgsql as 'begin return new; end'; create trigger t before update on shop.orders for each row execute function shop.f()", "trigger t"),
    "a sequence": ("alter sequence shop.numbers increment 5", "sequence shop.numbers"),
    "a storage option": ("alter table shop.orders set (fillfactor = 70)", "storage options of table shop.orders"),
    "a policy": ("alter table shop.orders enable row level security; create policy p on shop.orders using (id > 5)", "policy p"),
    "an extension": ("create extension pg_trgm schema public", "extension pg_trgm"),
    "an extension of the server's owner": ("create extension pg_stat_statements schema public", "extension pg_stat_statements"),
    "a text like our own": ("alter table shop.customers alter name set default 'house, was sold is gone'", "default of column shop.customers.name is 'house, was sold is gone'::text; the migrations make it 'x'::text"),
}


MORE_BASE = """create schema shop;
create domain shop.money as numeric(10,2) check (value >= 0);
create domain shop.big as numeric;
create type shop.pair as (a int, b text);
create type shop.span as range (subtype = int4);
create table shop.orders (id bigint generated always as identity primary key, total numeric(10, 2), note text, d shop.money);
create table shop.log (id int not null, at date not null) partition by range (at);
create table shop.log_1 partition of shop.log for values from ('2026-01-01') to ('2026-02-01');
create table shop.log_2 partition of shop.log for values from ('2026-02-01') to ('2026-03-01');
create table shop.old (id int, at date) partition by range (at);
create table shop.old_1 partition of shop.old for values from ('2026-01-01') to ('2026-02-01');
create index old_at on shop.old (at);
create table shop.parent (id int, x int);
create table shop.child (y int) inherits (shop.parent);
create table shop.alone (id int, x int, y int);
create materialized view shop.m as select id, total from shop.orders;
create materialized view shop.m2 as select id from shop.m;
create publication pub for table shop.orders;
create publication pub2 for table shop.alone;
create function shop.trg() returns trigger language plpgsql as 'begin return new; end';
create aggregate shop.total(int) (sfunc = int4pl, stype = int, initcond = '0');
create aggregate shop.product(int) (sfunc = int4mul, stype = int, initcond = '1');
create statistics shop.st (dependencies) on total, note from shop.orders;
create collation shop.de (provider = icu, locale = 'de');
create text search configuration shop.ts (copy = simple);
create text search configuration shop.ts3 (copy = simple);
create operator shop.=== (leftarg = int, rightarg = int, function = int4eq);
create cast (text as shop.pair) with inout;
create table shop.gen (a int, b int generated always as (a * 2) stored);
create table shop.bare (id int) partition by list (id);
"""
# Kinds that no ALTER leads to and fro between, all at once.
MORE = ["alter publication pub add table shop.parent (id, x) where (x > 5)", "alter publication pub drop table shop.orders", "alter publication pub set (publish = 'insert')",
        "drop publication pub2", "create publication pub4 for table shop.gen", "alter domain shop.money drop constraint money_check", "alter domain shop.big add constraint small check (value < 1000)",
        "comment on constraint small on domain shop.big is 'x'", "create domain shop.new as int check (value > 3)", "alter type shop.pair alter attribute a type bigint", "alter type shop.pair add attribute c int",
        "create type shop.pair2 as (x int, y text)", "create type shop.span2 as range (subtype = numeric)", "drop type shop.span", "alter table shop.log detach partition shop.log_2",
        "create table shop.log_3 partition of shop.log for values from ('2026-03-01') to ('2026-04-01')", "create index log_at on shop.log (at)", "drop table shop.old", "alter table shop.alone inherit shop.parent",
        "alter table shop.parent add column z int default 4", "alter table shop.parent add constraint pos check (x > 0)", "alter default privileges in schema shop grant select on tables to public",
        "drop aggregate shop.total(int)", "create aggregate shop.most(int) (sfunc = int4larger, stype = int)", "drop aggregate shop.product(int)",
        "create aggregate shop.product(int) (sfunc = int4mul, stype = int, initcond = '2')", "alter statistics shop.st set statistics 50", "drop collation shop.de", "create collation shop.fr (provider = icu, locale = 'fr')",
        "create text search configuration shop.ts2 (copy = english)", "drop text search configuration shop.ts3", "alter text search configuration shop.ts alter mapping for asciiword with english_stem",
        "drop operator shop.=== (int, int)", "create operator shop.<=> (leftarg = int, rightarg = int, function = int4ne)", "drop cast (text as shop.pair)", "create cast (shop.pair as text) with inout",
        "drop materialized view shop.m2", "create materialized view shop.m3 as select id from shop.m", "create table shop.part (id int primary key) partition by list (id)", "create table shop.part_1 partition of shop.part for values in (1, 2)",
        "create index on shop.part (id)", "create index bare_id on shop.bare (id)", "create publication \"My Pub; x\" for table shop.gen", "alter publication \"My Pub; x\" add table shop.part",
        "create aggregate shop.\"Odd -- Name: x\"(int) (sfunc = int4larger, stype = int)",
        "create function shop.add(s int, a int, b text) returns int language sql immutable as 'select s + a'", "create aggregate shop.two(int, text) (sfunc = shop.add, stype = int, initcond = '0')",
        "alter table shop.alone add t text", "alter table shop.alone set (toast.autovacuum_enabled = false)", "create extension citext schema shop", "create extension btree_gist schema shop"] + (["alter table shop.gen alter b set expression as (a * 3)"] if int(MAJOR) >= 17 else [])


class Project:
    def __init__(self, name, base=BASE):
        self.folder = os.path.join(WORK, name.replace(" ", "-"))
        shutil.rmtree(self.folder, ignore_errors=True)
        write(os.path.join(self.folder, "migrations", "001_base.up.sql"), base)
        write(os.path.join(self.folder, "migrations", "001_base.down.sql"), "drop schema shop cascade;\n")
        self.database = TARGET.database()
        equal(self.migrate("up").returncode, 0)

    def migrate(self, word, *options, database=None):
        return run("migrate", word, "-d", TARGET.conninfo(database or self.database), *options, "--pg-major", MAJOR, cwd=self.folder)

    def psql(self, sql):
        return TARGET.psql(self.database, sql)


def by_hand(name, changes, base=BASE):
    project = Project(name, base)
    for change, _ in changes:
        project.psql(change)
    told = project.migrate("drift", "--json")
    equal((told.returncode, told.stderr if told.returncode != 1 else ""), (1, ""))
    document = json.loads(told.stdout)
    texts = "\n".join(d["text"] for d in document["differences"])
    for _, part in changes:
        contains(texts, part)
    assert "revert" in document and "adopt" in document, [document.get(way, {}).get("lacks") for way in ("adopt_in_part", "revert_in_part")]
    equal(project.migrate("drift", "--fix").returncode, 1)
    other = TARGET.database()
    went = project.migrate("up", database=other)
    equal((went.returncode, went.stderr if went.returncode else ""), (0, ""))  # 001 and what adopts
    project.psql(document["revert"])
    os.remove(os.path.join(project.folder, "migrations", "002_adopt_drift.up.sql"))
    os.remove(os.path.join(project.folder, "migrations", "002_adopt_drift.down.sql"))
    back = project.migrate("drift")
    equal((back.returncode, back.stdout if back.returncode else ""), (0, ""))
    TARGET.psql(other, "delete from dbarch.migrations where label > '002'")
    adopted = json.loads(project.migrate("drift", "--json", database=other).stdout)
    equal(sorted(d["text"] for d in adopted["differences"]), sorted(d["text"] for d in document["differences"]))


def in_part():
    """What has no way back is told as far as it goes, and --fix writes nothing."""
    project = Project("part", MORE_BASE)
    project.psql("alter table shop.child no inherit shop.parent")
    project.psql("create index by_hand on shop.orders (total)")
    told = json.loads(project.migrate("drift", "--json").stdout)
    contains(told["revert_in_part"]["sql"], "drop index shop.by_hand")
    contains(" ".join(told["revert_in_part"]["lacks"]), "attislocal of column shop.child.id")
    assert "adopt" in told and "revert" not in told, sorted(told)
    shown = project.migrate("drift")
    contains(shown.stdout, "to take it back, in part:")
    contains(shown.stdout, "then there is still this, for which no statement was found:\n  attislocal")
    fix = project.migrate("drift", "--fix")
    equal((fix.returncode, sorted(os.listdir(os.path.join(project.folder, "migrations")))), (6, ["001_base.down.sql", "001_base.up.sql"]))


def nothing():
    project = Project("nothing")
    done = project.migrate("drift")
    equal(done.returncode, 0)
    contains(done.stdout, "is what its migrations make.")
    project.psql("create table public.schema_migrations (version text); insert into shop.customers values (1, 'a')")  # another tool's, and rows
    equal(project.migrate("drift").returncode, 0)


def refused():
    project = Project("refused")
    contains(run("migrate", "drift", cwd=project.folder).stderr, "name the target")
    empty = TARGET.database()
    out = project.migrate("drift", database=empty)
    equal(out.returncode, 3)
    contains(out.stderr, "has no history")
    os.rename(os.path.join(project.folder, "migrations", "001_base.up.sql"), os.path.join(project.folder, "migrations", "002_base.up.sql"))
    contains(project.migrate("drift").stderr, "its file is not in")
    os.rename(os.path.join(project.folder, "migrations", "002_base.up.sql"), os.path.join(project.folder, "migrations", "001_base.up.sql"))
    write(os.path.join(project.folder, "migrations", "001_base.up.sql"), BASE + "create table shop.later (id int);\n")
    contains(project.migrate("drift").stderr, "was edited after it was run")


def allowed():
    project = Project("allowed")
    project.psql("create index by_hand on shop.orders (customer_id); create index other on shop.orders (state)")
    write(os.path.join(project.folder, "dbarch.yaml"), 'allow:\n  - { rule: drift, object: shop.by_hand, reason: "a trial until Friday" }\n')
    told = project.migrate("drift")
    equal(told.returncode, 1)
    contains(told.stdout, "a trial until Friday (dbarch.yaml:2)")
    contains(told.stdout, "1 difference on")
    project.psql("drop index shop.other")
    equal(project.migrate("drift").returncode, 0)
    for form, part in (("github", "::error"), ("sarif", '"version": "2.1.0"'), ("md", "drift"), ("junit", "<testsuite")):
        project.psql("create index if not exists other on shop.orders (state)")
        contains(project.migrate("drift", "--format", form).stdout, part)


CHOSEN, FULL = [word for word in sys.argv[1:] if word != "--full"], "--full" in sys.argv
if FULL or CHOSEN:
    for name, change in CHANGES.items():
        if not CHOSEN or any(word in name for word in CHOSEN):
            test("drift: " + name, functools.partial(by_hand, name, [change]))
else:  # several at a time; what would undo another stands in another group
    went = [CHANGES[name] for name in ("a column that went", "an index that went", "a key that went")]
    stays = [change for name, change in CHANGES.items() if "that went" not in name and "like our own" not in name]
    for number, group in enumerate((stays[::2], stays[1::2], went, [CHANGES["a table that went"]], [CHANGES["a text like our own"]]), 1):
        test("drift: changes, %d" % number, functools.partial(by_hand, "several-%d" % number, group))
if not CHOSEN or "more" in CHOSEN:
    test("drift: more kinds", functools.partial(by_hand, "more", [(change, "") for change in MORE], MORE_BASE))
for function in (in_part, nothing, refused, allowed):
    if not CHOSEN or function.__name__ in CHOSEN:
        test("drift: " + function.__name__, function)
TARGET.stop()
finish()
