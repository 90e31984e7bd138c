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


class Project:
    def __init__(self, name):
        self.folder = os.path.join(WORK, name.replace(" ", "-"))
        shutil.rmtree(self.folder, ignore_errors=True)
        write(os.path.join(self.folder, "migrations", "001_base.up.sql"), BASE)
        write(os.path.join(self.folder, "migrations", "001_base.down.sql"), "drop schema shop cascade;\n")
        self.database = TARGET.database()
        equal(self.migrate("up").returncode, 0)

    def migrate(self, word, *options, database=None):
        return run("migrate", word, "-d", TARGET.conninfo(database or self.database), *options, "--pg-major", MAJOR, cwd=self.folder)

    def psql(self, sql):
        return TARGET.psql(self.database, sql)


def by_hand(name, changes):
    project = Project(name)
    for change, _ in changes:
        project.psql(change)
    told = project.migrate("drift", "--json")
    equal((told.returncode, told.stderr if told.returncode != 1 else ""), (1, ""))
    document = json.loads(told.stdout)
    texts = "\n".join(d["text"] for d in document["differences"])
    for _, part in changes:
        contains(texts, part)
    assert "revert" in document and "adopt" in document, sorted(document)
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
for function in (nothing, refused, allowed):
    if not CHOSEN or function.__name__ in CHOSEN:
        test("drift: " + function.__name__, function)
TARGET.stop()
finish()
