#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long statements take at production's size: what lint foretells from a few per cent of the rows, beside what a rehearsal on all of them takes.
  tests/quality/durations.py [--full]     20 statements and 4 million rows instead of 9 and 100,000, from a smaller share"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import WORK, contains, equal, finish, run, test, write  # noqa: E402
from target import MAJOR, Target  # noqa: E402

FULL = "--full" in sys.argv
ROWS, SHARE = (4000000, "2%") if FULL else (100000, "10%")
BASE = """create schema shop;
create table shop.customers (id bigint primary key, email text not null, name text);
create table shop.orders (id bigint primary key, customer_id bigint not null, status text not null, total numeric(10, 2) not null, code varchar(20), note text,
  placed_at timestamptz not null, doc jsonb);
"""
FILL = """insert into shop.customers select i, 'c' || i || '@x.example', 'name ' || i from generate_series(1, %d / 5) i;
insert into shop.orders select i, 1 + (random() * (%d / 5 - 1))::int, (array['new', 'paid', 'sent'])[1 + (random() * 2)::int], random() * 1000, 'code ' || i, md5(i::text),
  timestamptz '2026-01-01' + i * interval '7 s', jsonb_build_object('a', i, 'b', i %% 10) from generate_series(1, %d) i;
vacuum analyze;
""" % (ROWS, ROWS, ROWS)
STATEMENTS = [
    "create index i1 on shop.orders (customer_id)", "create index i2 on shop.orders (status, placed_at)", "create index i3 on shop.orders (note)",
    "create index i4 on shop.orders (lower(note)) where status = 'new'", "create index i5 on shop.orders using brin (placed_at)",
    "alter table shop.orders add constraint c1 check (total >= 0)", "alter table shop.orders add constraint c2 check (length(note) = 32)",
    "alter table shop.orders alter code set not null", "alter table shop.orders alter note set not null",
    "alter table shop.orders add constraint f1 foreign key (customer_id) references shop.customers",
    "alter table shop.orders add constraint u1 unique (code)", "alter table shop.orders add constraint u2 unique (placed_at, id)",
    "alter table shop.customers add constraint u3 unique (email)", "create index i6 on shop.orders using gin (doc jsonb_path_ops)",
    "alter table shop.orders alter total type numeric(12, 4)", "alter table shop.orders add column r float8 default random()",
    "alter table shop.orders add column g text generated always as (status || code) stored", "alter table shop.orders alter customer_id type text",
    "alter table shop.orders set unlogged", "create index i7 on shop.orders using hash (code)",
]


if not FULL:
    STATEMENTS = [STATEMENTS[n] for n in (0, 1, 2, 6, 9, 10, 13, 14, 15)]


def foretold():
    target = Target()
    database = target.database()
    target.psql(database, BASE + FILL)
    for number, sql in enumerate(STATEMENTS, 2):
        extra = "alter table shop.orders drop constraint f1;\n" if "customer_id type text" in sql else ""
        write("migrations/%03d_x.up.sql" % number, extra + sql + ";\n")
        write("migrations/%03d_x.down.sql" % number, "select 1;\n")
    write("migrations/001_base.up.sql", BASE)
    write("migrations/001_base.down.sql", "drop schema shop cascade;\n")
    conninfo, survey = target.conninfo(database), os.path.join(WORK, "production.json")
    equal(run("survey", "-d", conninfo, "-o", survey, "-q").returncode, 0)
    target.stop()
    limit = 4000 if FULL else 100
    write("dbarch.yaml", "rehearsal: { client_wait: %dms }\n" % limit)
    lint = run("migrate", "lint", "--survey", survey, "--from", "002", "--rows", SHARE, "--json", "-q", "--pg-major", MAJOR, timeout=600)
    equal(lint.returncode, 0)
    told, severities = {}, set()
    for finding in json.loads(lint.stdout)["findings"]:
        if finding["risk"].get("duration_note"):
            ms = finding["risk"]["duration_ms"]
            told[finding["object"]] = max(told.get(finding["object"], 0), ms)
            equal(finding["severity"], "must-fix" if ms > 2 * limit else "worth-it" if ms > limit / 2 else "note")
            severities.add(finding["severity"])
            contains(finding["what"], "; clients may wait %s." % ("4.0 s" if FULL else "100 ms"))
    assert len(severities) > 1, severities
    write("dbarch.yaml", "rehearsal: { client_wait: 1h, client_errors: 1000000 }\n")
    write("workload.sql", "select * from shop.customers where id = $1;\n")
    rehearsed = run("migrate", "rehearse", "--survey", survey, "--from", "002", "--time", "0.1", "--clients", "1", "--rate", "1", "--json", "-q", "--pg-major", MAJOR, timeout=1200)
    assert rehearsed.returncode in (0, 6), rehearsed.stderr
    took = {r["migration"]: max(s["ms"] for s in r["statements"]) for r in json.loads(rehearsed.stdout)["rehearsals"]}
    wrong = []
    for number, sql in enumerate(STATEMENTS, 2):
        label = "%03d_x" % number
        if label not in took or label not in told:
            print("#   %s: told %s, took %s: %s" % (label, told.get(label), took.get(label), sql))
            wrong.append(label)
            continue
        ratio = told[label] / took[label]
        print("#   %8.0f ms told, %8.0f ms taken, %4.2f: %s" % (told[label], took[label], ratio, sql))
        if not 0.5 <= ratio <= 2:
            wrong.append(label)
    print("    %d of %d within a factor of 2, from %s of the rows" % (len(STATEMENTS) - len(wrong), len(STATEMENTS), SHARE))
    assert len(wrong) <= (1 if FULL else 4), wrong  # small times on a shared machine


test("durations: foretold", foretold)
finish()
