#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What statements want is seen however they are written: each form looks into a table of its own for one customer, and an index of the customer's column is right for all."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import equal, finish, run, test, write  # noqa: E402

# %s: the table; each finds rows by customer_id, unless the form says which keys it wants.
FORMS = [
    ("plain", "select * from %s where customer_id = 42"),
    ("other way round", "select * from %s where 42 = customer_id"),
    ("alias", "select o.note from %s as o where o.customer_id = 42"),
    ("parameter", "select * from %s where customer_id = $1"),
    ("list", "select * from %s where customer_id in (1, 2, 3)"),
    ("array parameter", "select * from %s where customer_id = any ($1)"),
    ("subquery", "select * from (select * from %s) s where s.customer_id = 42"),
    ("CTE", "with o as (select * from %s) select * from o where customer_id = 42"),
    ("materialised CTE", "with o as materialized (select * from %s where customer_id = 42) select count(*) from o"),
    ("exists", "select * from customers c where c.id = 42 and exists (select 1 from %s o where o.customer_id = c.id)"),
    ("in subquery", "select * from customers c where c.id = 42 and c.id in (select customer_id from %s)"),
    ("scalar subquery", "select c.id, (select max(note) from %s o where o.customer_id = c.id) from customers c where c.id < 5"),
    ("lateral", "select * from customers c, lateral (select * from %s o where o.customer_id = c.id limit 3) x where c.id < 4"),
    ("join", "select o.note from customers c join %s o on o.customer_id = c.id where c.id = 42"),
    ("outer join", "select o.note from customers c left join %s o on o.customer_id = c.id where c.id = 42"),
    ("equivalence", "select o.note from customers c, %s o where o.customer_id = c.id and c.id = 42"),
    ("union all", "select note from %s where customer_id = 42 union all select 'x'"),
    ("union", "select note from %s where customer_id = 42 union select 'x'"),
    ("except", "select note from %s where customer_id = 42 except select 'x'"),
    ("aggregate", "select count(note) from %s where customer_id = 42"),
    ("window", "select note, row_number() over (order by note) from %s where customer_id = 42"),
    ("distinct", "select distinct note from %s where customer_id = 42"),
    ("or", "select * from %s where customer_id = 42 or customer_id = 43"),
    ("cast", "select * from %s where customer_id = 42::smallint"),
    ("stable value", "select * from %s where customer_id = length(current_user::text)"),
    ("inlined function", "select * from %s where customer_id = twenty_one() * 2"),
    ("update", "update %s set note = 'y' where customer_id = 42"),
    ("update from", "update %s o set note = 'y' from customers c where o.customer_id = c.id and c.id = 42"),
    ("delete", "delete from %s where customer_id = 42"),
    ("delete using", "delete from %s o using customers c where o.customer_id = c.id and c.id = 42"),
    ("insert select", "insert into notes select note from %s where customer_id = 42"),
    ("merge", "merge into notes n using (select note from %s where customer_id = 42) s on n.note = s.note || 'x' when matched then delete"),
    ("data-changing CTE", "with gone as (delete from %s where customer_id = 42 returning note) insert into notes select note from gone"),
    ("for update", "select * from %s where customer_id = 42 for update skip locked"),
]
VIEWS = [("view", "create view v%d as select * from %s", "select * from v%d where customer_id = 42"),
         ("view of a view", "create view w%d as select * from %s; create view v%d as select id, customer_id, note from w%d", "select * from v%d where customer_id = 42"),
         ("odd names", 'create table "Odd ""Table" (like base including all); insert into "Odd ""Table" select * from base; alter table "Odd ""Table" rename customer_id to "select"', 'select * from "Odd ""Table" where "select" = 42'),
         ("search_path", "create schema other; create table other.hidden (like base including all); insert into other.hidden select * from base", "select * from hidden where customer_id = 42")]


def all_forms():
    schema = ["create table base (id int primary key, customer_id int not null, note text)", "create table customers (id int primary key, name text)", "create table notes (note text)",
              "insert into base select i, (i::bigint * 7919) % 3000, repeat('x', 100) from generate_series(1, 12000) i", "insert into customers select i, 'c' from generate_series(1, 3000) i",
              "create function twenty_one() returns int language sql immutable as 'select 21'"]
    statements, wanted = [], {}
    for number, (name, sql) in enumerate(FORMS):
        table = "t%d" % number
        schema.append("create table %s (like base including all); insert into %s select * from base" % (table, table))
        statements.append(sql % table)
        wanted[name] = table
    for number, (name, setup, sql) in enumerate(VIEWS, len(FORMS)):
        table = "t%d" % number
        schema.append("create table %s (like base including all); insert into %s select * from base" % (table, table))
        if name == "view of a view":
            setup, sql = setup % (number, table, number, number), sql % number
        elif name == "view":
            setup, sql = setup % (number, table), sql % number
        schema.append(setup)
        statements.append(sql)
        wanted[name] = {"odd names": 'Odd "Table', "search_path": "hidden"}.get(name, table)
    out = run("index", write("forms.sql", ";\n".join(schema) + ";\n"), "--workload", write("forms_w.sql", ";\n".join(statements) + ";\n"), "--json", "-q", "--size", "1GB")
    assert out.returncode == 0, out.stderr
    answer = json.loads(out.stdout)
    equal(answer.get("refused", []), [])
    chosen = [answer["candidates"][i] for i in answer["advised"]["chosen"]]
    keys = {c["table"]: [d["keys"] for d in chosen if d["table"] == c["table"]] for c in chosen}
    missing = [name for name, table in wanted.items() if not [k for k in keys.get(table, []) if k.startswith("customer_id") or k.startswith('"select"')]]
    extra = [(c["table"], c["keys"]) for c in chosen if c["table"] not in wanted.values()]
    print("# %d of %d forms" % (len(wanted) - len(missing), len(wanted)))
    equal(missing, [])
    equal(extra, [])
    equal(sorted(t for t, k in keys.items() if len(k) > 1), [])


test("all forms", all_forms)
finish()
