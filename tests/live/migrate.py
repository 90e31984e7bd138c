#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbarch migrate from outside: ten layouts of one history, formats of CI, new and import, bad input."""
import functools
import json
import os
import shutil
import sys
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import fetching  # noqa: E402
from harness import ROOT, WORK, clean_env, contains, equal, finish, run, test, write  # noqa: E402

MAJOR = os.environ.get("TEST_PG_MAJOR", "17")

# One history in any layout: a table; an index outside of a transaction; a column whose undo is wrong.
UP1, DOWN1 = "create table t (id int primary key, a int);\n", "drop table t;\n"
UP2, DOWN2 = "create index concurrently t_a on t (a);\n", "drop index concurrently t_a;\n"
UP3, DOWN3 = "create function f() returns int language plpgsql as $$ begin\n  return 1;\nend $$;\nalter table t add b int default f();\n", "alter table t drop b;\n"
PLAN = "%syntax-version=1.0.0\n%project=x\n\none 2024-01-01T00:00:00Z A <a@b.c> # first\ntwo [one] 2024-01-02T00:00:00Z A <a@b.c>\n@v1 2024-01-02T00:00:00Z A <a@b.c>\nthree 2024-01-03T00:00:00Z A <a@b.c>\n"
LAYOUTS = {
    "pairs": {"001_one.up.sql": UP1, "001_one.down.sql": DOWN1, "002_two.up.sql": UP2, "002_two.down.sql": DOWN2, "003_three.up.sql": UP3, "003_three.down.sql": DOWN3},
    "folders": {"2024-01-01-000000_one/up.sql": UP1, "2024-01-01-000000_one/down.sql": DOWN1, "2024-01-02-000000_two/up.sql": UP2, "2024-01-02-000000_two/down.sql": DOWN2,
                "2024-01-02-000000_two/metadata.toml": "run_in_transaction = false\n", "2024-01-03-000000_three/up.sql": UP3, "2024-01-03-000000_three/down.sql": DOWN3},
    "dbmate": {"20240101000000_one.sql": "-- migrate:up\n" + UP1 + "-- migrate:down\n" + DOWN1, "20240102000000_two.sql": "-- migrate:up transaction:false\n" + UP2 + "\n-- migrate:down transaction:false\n" + DOWN2,
               "20240103000000_three.sql": "-- migrate:up\n" + UP3 + "-- migrate:down\n" + DOWN3, "schema.sql": "-- a dump\n"},
    "goose": {"00001_one.sql": "-- +goose Up\n" + UP1 + "-- +goose Down\n" + DOWN1, "00002_two.sql": "-- +goose NO TRANSACTION\n-- +goose Up\n" + UP2 + "-- +goose Down\n" + DOWN2,
              "00003_three.sql": "-- +goose Up\n-- +goose StatementBegin\n" + UP3 + "-- +goose StatementEnd\n-- +goose Down\n" + DOWN3},
    "sql-migrate": {"1_one.sql": "-- +migrate Up\n" + UP1 + "-- +migrate Down\n" + DOWN1, "2_two.sql": "-- +migrate Up notransaction\n" + UP2 + "-- +migrate Down notransaction\n" + DOWN2,
                    "3_three.sql": "-- +migrate Up\n" + UP3 + "-- +migrate Down\n" + DOWN3},
    "node": {"1700000000001_one.sql": "-- Up Migration\n" + UP1 + "-- Down Migration\n" + DOWN1, "1700000000002_two.sql": "-- Up Migration\n" + UP2 + "-- Down Migration\n" + DOWN2,
             "1700000000003_three.sql": "-- Up Migration\n" + UP3 + "-- Down Migration\n" + DOWN3},
    "tern": {"001_one.sql": UP1 + "---- create above / drop below ----\n" + DOWN1, "002_two.sql": UP2 + "---- create above / drop below ----\n" + DOWN2,
             "003_three.sql": UP3 + "---- create above / drop below ----\n" + DOWN3},
    "flyway": {"V1__one.sql": UP1, "U1__one.sql": DOWN1, "V1.1__two.sql": UP2, "U1.1__two.sql": DOWN2, "V1.10__three.sql": UP3, "U1.10__three.sql": DOWN3,
               "R__view.sql": "create or replace view v as select id from t;\n"},
    "sqitch": {"sqitch.plan": PLAN, "deploy/one.sql": "BEGIN;\n" + UP1 + "COMMIT;\n", "revert/one.sql": "BEGIN;\n" + DOWN1 + "COMMIT;\n", "deploy/two.sql": UP2, "revert/two.sql": DOWN2,
               "verify/two.sql": "select 1 / count(*) from pg_class where relname = 't_a';\n", "deploy/three.sql": "BEGIN;\n" + UP3 + "COMMIT;\n", "revert/three.sql": "\\set ON_ERROR_STOP on\n" + DOWN3},
    "plain": {"1_one.sql": UP1, "2_two.sql": UP2, "10_three.sql": UP3},
}


def folder(name, files):
    shutil.rmtree(os.path.join(WORK, name), ignore_errors=True)
    for file, text in files.items():
        write(os.path.join(name, file), text)
    return os.path.join(WORK, name)


def verify(path, *options):
    process = run("migrate", "verify", path, "--json", "-q", "--pg-major", MAJOR, *options)
    assert process.returncode in (0, 1), process.stderr
    return process, json.loads(process.stdout)


def rules(result, name=None):
    return sorted(f["rule"] for f in result.get("findings", []) if name is None or name in f["object"])


def layout(name):
    _, result = verify(folder(name, LAYOUTS[name]))
    equal(result["layout"], name)
    classes = [m.get("undo_class") for m in result["migrations"]]
    if name == "plain":
        equal(rules(result), ["undo-missing"])
        equal([m["migration"] for m in result["migrations"]], ["1_one", "2_two", "10_three"])
        return
    equal(rules(result), ["undo-differs"])
    contains(result["findings"][0]["what"], "function public.f() is left behind")
    contains(result["findings"][0]["object"], "three")
    equal(classes[:3], ["exact", "exact", None])


def told_apart():
    mixed = dict(LAYOUTS["dbmate"], **LAYOUTS["flyway"])
    process = run("migrate", "verify", folder("mixed", mixed))
    equal(process.returncode, 3)
    contains(process.stderr, "files of two tools")
    contains(process.stderr, "dbmate")
    contains(process.stderr, "Flyway")
    _, result = verify(folder("mixed", mixed), "--layout", "dbmate")
    equal(result["layout"], "dbmate")
    assert "file-not-understood" in rules(result)
    contains(run("migrate", "verify", WORK, "--layout", "dbmat").stderr, 'did you mean "dbmate"?')


# ---- formats --------------------------------------------------------------------------------------------------------

def validate(document):
    """Against the schema of the standard, as a published crate carries it."""
    fetching.library("jsonschema", "4.23.0", "jsonschema")
    import jsonschema  # pylint: disable=import-outside-toplevel
    jsonschema.validate(document, json.loads(fetching.crate_file("serde-sarif", "0.8.0", "src/schema.json")))


ODD = {"001_a.up.sql": "create table \"a,b:%<&>\" (id int);\n", "001_a.down.sql": "select 1;\n",
       "002_b.up.sql": "create table u (id int);\n", "002_b.down.sql": "-- dbarch: allow undo-does-nothing it is kept for \"good\"\n"}


def formats():
    path = folder("odd", ODD)
    text = {name: run("migrate", "verify", path, "-q", "--format", name, "--pg-major", MAJOR).stdout for name in ("md", "github", "gitlab", "sarif", "junit", "tty")}
    sarif = json.loads(text["sarif"])
    validate(sarif)
    results = sarif["runs"][0]["results"]
    equal([("suppressions" in r, r["level"]) for r in results], [(False, "error"), (True, "error")])
    gitlab = json.loads(text["gitlab"])
    equal([sorted(entry) for entry in gitlab], [["check_name", "description", "fingerprint", "location", "severity"]])
    suite = xml.fromstring(text["junit"])[0]
    equal((suite.get("tests"), suite.get("failures"), suite.get("skipped")), ("2", "1", "1"))
    lines = text["github"].strip().split("\n")
    equal(len(lines), 1)
    assert lines[0].startswith("::error file="), lines[0]
    contains(lines[0], "a,b:%25<&>")
    contains(lines[0], "line=1,title=undo-does-nothing::001_a")
    contains(text["md"], "**1 must fix, 1 allowed by its owner**")
    assert "<&>" not in text["md"].replace("\\<&\\>", ""), text["md"]
    contains(text["tty"], 'allowed   002_b [undo-does-nothing]: it is kept for "good"')
    equal(run("migrate", "verify", path, "-q", "--format", "xml").returncode, 2)
    equal(run("doctor", "--format", "sarif").returncode, 2)


def lint_formats():
    """What does it instead, as it was tried, is in every format; and what still waits is said there."""
    path = folder("instead", {"001_a.up.sql": "create table t (id int primary key, a int, ```b``` text);\n".replace("```b```", "b"), "001_a.down.sql": "drop table t;\n",
                              "002_b.up.sql": "create index \"t```a<b>\" on t (a);\nalter table t alter a type bigint;\n", "002_b.down.sql": "select 1;\n"})
    text = {name: run("migrate", "lint", path, "-q", "--format", name, "--pg-major", MAJOR).stdout for name in ("md", "github", "gitlab", "sarif", "junit", "tty")}
    validate(json.loads(text["sarif"]))
    told = [text["md"], "\n".join(entry.get("content", {}).get("body", "") for entry in json.loads(text["gitlab"])), xml.fromstring(text["junit"])[0].find("testcase/failure").text,
            "\n".join(r["message"].get("markdown", "") for r in json.loads(text["sarif"])["runs"][0]["results"]), text["github"].replace("%0A", "\n")]
    for each in told:
        contains(each, "Instead, as it was tried in a lab")
        contains(each, 'index concurrently "t```a<b>"')
        contains(each, "-- line 2 still makes others wait: no other way is known")
    for each in (told[0], told[1], told[3]):
        contains(each, "````sql")
    equal([line[:7] for line in text["github"].strip().split("\n")], ["::error"] * 2)


def groups():
    """Migrations that say that they belong together are undone together: what one undo leaves to another is no fault."""
    files = {"001_a.up.sql": "create table t (id int primary key, a int);\n", "001_a.down.sql": "drop table t;\n",
             "002_b.up.sql": "-- dbarch: group=two columns\nalter table t add b int;\n", "002_b.down.sql": "select 1;\n",
             "003_c.up.sql": "-- dbarch: group=two\nalter table t add c int;\n", "003_c.down.sql": "alter table t drop b, drop c;\n",
             "004_d.up.sql": "alter table t add d int;\n", "004_d.down.sql": "alter table t drop d;\n"}
    done = run("migrate", "verify", folder("grouped", files), "--pg-major", MAJOR)
    contains(done.stdout, "nothing to fix")
    contains(done.stdout, "Undos: 3 exact")
    contains(done.stderr, "002_b and the 1 behind it are verified as one: group two")
    alone = dict(files, **{"003_c.up.sql": "alter table t add c int;\n"})
    contains(run("migrate", "verify", folder("grouped", alone), "-q", "--pg-major", MAJOR).stdout, "002_b  [undo-does-nothing]")
    wrong = dict(files, **{"003_c.down.sql": "alter table t drop c;\n"})
    contains(run("migrate", "verify", folder("grouped", wrong), "-q", "--pg-major", MAJOR).stdout, "002_b  [undo-differs]")
    fails = dict(files, **{"003_c.up.sql": "-- dbarch: group=two\n\nalter table nowhere add c int;\n"})
    told = run("migrate", "verify", folder("grouped", fails), "-q", "--pg-major", MAJOR).stdout
    contains(told, "grouped/003_c.up.sql:3")
    contains(told, 'relation "nowhere" does not exist')
    part = dict(files)
    del part["002_b.down.sql"]
    contains(run("migrate", "verify", folder("grouped", part), "-q", "--pg-major", MAJOR).stdout, "002_b  [undo-missing]")


def pages():
    """--out writes the report as a page: no script, nothing from elsewhere, foreign text escaped; what is not ours is not written over."""
    path = folder("paged", {"001_a.up.sql": "create table \"<script>x&\" (id int primary key, a int);\n", "001_a.down.sql": "drop table \"<script>x&\";\n",
                            "002_b.up.sql": "create index b on \"<script>x&\" (a);\n", "002_b.down.sql": "-- none\nselect '<b>';\n"})
    for word, parts in (("verify", ("1 must fix", "not right", "drop index", "exact")), ("lint", ("index-blocks-writes", "the same without waiting", "concurrently b on"))):
        for _ in range(2):  # over its own of before
            done = run("migrate", word, path, "-q", "--out", os.path.join(WORK, "page"), "--pg-major", MAJOR)
            equal(done.returncode, 0)
            contains(done.stderr, "report.html was written")
        with open(os.path.join(WORK, "page", "report.html"), encoding="utf-8") as file:
            page = file.read()
        for part in parts:
            contains(page, part)
        if word == "lint":
            contains(page, "&lt;script&gt;x&amp;")
        assert "<script" not in page and "http" not in page and "src=" not in page and len(page) < 100000, page
    write("foreign/report.html", "<html>mine</html>")
    done = run("migrate", "lint", path, "-q", "--no-lab", "--out", os.path.join(WORK, "foreign"))
    equal(done.returncode, 6)
    contains(done.stderr, "is no report of dbarch: it is not written over")


def fail_on():
    path = folder("odd", ODD)
    equal(run("migrate", "verify", path, "-q").returncode, 0)
    equal(run("migrate", "verify", path, "-q", "--fail-on", "must-fix").returncode, 1)
    equal(run("migrate", "verify", path, "-q", env=clean_env(CI="true")).returncode, 1)


def review_formats():
    out = run("review", os.path.join(ROOT, "examples", "shop"), "-q", "--budget", "1", "--force", "--out", os.path.join(WORK, "review"), "--format", "sarif")
    validate(json.loads(out.stdout))


# ---- new, import, from ----------------------------------------------------------------------------------------------

def new():
    place = os.path.join(WORK, "fresh")
    os.makedirs(place, exist_ok=True)
    out = run("migrate", "new", "Add orders!", cwd=place)
    equal(out.stdout.split(), ["migrations/001_add_orders.up.sql", "migrations/001_add_orders.down.sql"])
    out = run("migrate", "new", "more", "of", "it", cwd=place)
    equal(out.stdout.split(), ["migrations/002_more_of_it.up.sql", "migrations/002_more_of_it.down.sql"])
    equal(run("migrate", "new", "!", cwd=place).returncode, 2)
    goose = folder("goose", LAYOUTS["goose"])
    out = run("migrate", "new", "four", "--out", goose)
    equal(out.stdout.strip(), os.path.join(goose, "00004_four.sql"))
    contains(open(os.path.join(goose, "00004_four.sql"), encoding="utf-8").read(), "-- +goose Down")
    contains(run("migrate", "new", "four", "--out", folder("sqitch", LAYOUTS["sqitch"])).stderr, "sqitch add four")
    dbmate = folder("dbmate", LAYOUTS["dbmate"])
    name = os.path.basename(run("migrate", "new", "four", "--out", dbmate).stdout.strip())
    assert len(name.split("_")[0]) == 14 and name > "2026", name


def imported(name):
    out = os.path.join(WORK, "imported-" + name)
    process = run("migrate", "import", folder(name, LAYOUTS[name]), "--out", out)
    equal(process.returncode, 0)
    _, result = verify(out)
    equal(result["layout"], "pairs")
    equal([r for r in rules(result) if r != "undo-missing"], [] if name == "plain" else ["undo-differs"])
    equal(run("migrate", "import", os.path.join(WORK, name), "--out", out).returncode, 2)


def from_one():
    path = folder("pairs", LAYOUTS["pairs"])
    _, result = verify(path, "--from", "3")
    equal([m["migration"] for m in result["migrations"]], ["003_three"])
    equal(rules(result), ["undo-differs"])
    contains(run("migrate", "verify", path, "--from", "003_thre").stderr, 'did you mean "003_three"?')


# ---- bad input ------------------------------------------------------------------------------------------------------

def bad(files, code, *parts):
    process = run("migrate", "verify", folder("bad", files), "-q", "--pg-major", MAJOR)
    equal(process.returncode, code)
    for part in parts:
        contains(process.stdout + process.stderr, part)


GOOD = {"001_a.up.sql": "create table a (id int);\n", "001_a.down.sql": "drop table a;\n"}

BAD = {
    "a file without a number": (dict(GOOD, **{"users.sql": "select 1;\n"}), 0, "file-without-number", "users.sql"),
    "a number twice": (dict(GOOD, **{"001_b.up.sql": "create table b (id int);\n", "001_b.down.sql": "drop table b;\n"}), 0, "number-twice", "001_a has its number too"),
    "a number twice, written otherwise": (dict(GOOD, **{"0001_b.up.sql": "create table b (id int);\n", "0001_b.down.sql": "drop table b;\n"}), 0, "number-twice"),
    "an up without a down": ({"001_a.up.sql": "create table a (id int);\n", "002_b.up.sql": "select 1;\n", "002_b.down.sql": "select 1;\n"}, 0, "001_a", "undo-missing"),
    "a down without an up": (dict(GOOD, **{"007_x.down.sql": "select 1;\n"}), 0, "undo-without-migration", "no migration has the number 007"),
    "Windows line ends and a byte-order mark": ({"001_a.up.sql": "\ufeffcreate table a (id int);\r\ncreate table b (\r\n  id int);\r\n", "001_a.down.sql": "\ufeffdrop table a, b;\r\n"}, 0, "nothing to fix"),
    "marks with Windows line ends": ({"001_a.sql": "-- +goose Up\r\ncreate table a (id int);\r\n-- +goose Down\r\ndrop table a;\r\n"}, 0, "nothing to fix"),
    "a syntax error": (dict(GOOD, **{"002_b.up.sql": "create table b (\n  id int,\n);\n", "002_b.down.sql": "drop table b;\n"}), 0, "up-fails", "002_b.up.sql:3", "syntax error"),
    "a command of psql": (dict(GOOD, **{"002_b.up.sql": "\\connect other\nselect 1;\n", "002_b.down.sql": "select 1;\n"}), 0, "up-fails", "\\connect is a command of psql itself"),
    "a statement that a transaction refuses": (dict(GOOD, **{"002_b.up.sql": "create index concurrently x on a (id);\nselect 1;\n", "002_b.down.sql": "drop index x;\n"}), 0, "cannot run inside a transaction block"),
    "a transaction left open": (dict(GOOD, **{"002_b.up.sql": "begin; select 1; commit; begin; create table b (id int);\n", "002_b.down.sql": "drop table b;\n"}), 0, "a transaction is left open"),
    "a statement that the lab refuses": (dict(GOOD, **{"002_b.up.sql": "copy a from program 'id';\n", "002_b.down.sql": "select 1;\n"}), 0, "up-fails", "refused in the lab"),
    "an extension that is refused": (dict(GOOD, **{"002_b.up.sql": "create extension file_fdw;\n", "002_b.down.sql": "drop extension file_fdw;\n"}), 0, 'extension "file_fdw" is refused'),
    "an empty folder": ({"README.md": "x"}, 3, "no migration is in it", "dbarch migrate new"),
    "bytes that are no text": (GOOD, 0, "nothing to fix"),
    "deferred constraints": (dict(GOOD, **{"002_b.up.sql": "create table p (id int primary key); create table c (p int references p deferrable initially deferred); insert into c values (1);\n", "002_b.down.sql": "drop table c, p;\n"}), 0, "up-fails", "violates foreign key"),
    "sections twice": ({"001_a.sql": "-- migrate:up\ncreate table a (id int);\n-- migrate:down\ndrop table a;\n-- migrate:up\ncreate table b (id int);\n-- migrate:down\ndrop table b;\n"}, 0, "nothing to fix"),
    "a section that is not there": ({"001_a.sql": "-- migrate:down\ndrop table a;\n", "002_b.sql": "-- migrate:up\nselect 1;\n-- migrate:down\n"}, 0, "file-not-understood"),
    "a plan without its script": ({"sqitch.plan": "%syntax-version=1.0.0\n%project=x\n\none 2024-01-01T00:00:00Z A <a@b.c>\n", "deploy/x.sql": "", "revert/one.sql": "select 1;\n"}, 0, "deploy/ does not have it"),
    "a plan that is none": ({"sqitch.plan": "%project=x\n../../etc/passwd 2024\n"}, 3, "is no name of a change"),
}


def more_bad():
    """What readers found: each once."""
    bad(dict(GOOD, **{"002_b.up.sql": "drop schema public cascade;\n", "002_b.down.sql": "create schema public;\n"}), 0, "002_b")
    bad(dict(GOOD, **{"002_b.up.sql": "select pg_terminate_backend(pg_backend_pid());\n", "002_b.down.sql": "select 1;\n"}), 0, "up-fails", "its session ended")
    bad({"1_a.sql": "create table a (id int);\n", "2_b.sql": "begin; create index concurrently x on a (id); commit;\n"}, 0, "cannot run inside a transaction block")
    bad({"1_a.sql": "-- +goose NO TRANSACTION\n-- +goose Up\nbegin; create table a (id int); lock table a in share mode; commit;\n-- +goose Down\ndrop table a;\n"}, 0, "nothing to fix")
    bad(dict(GOOD, **{"002_b.up.sql": "-- dbarch: transaction=off\ndo $$ begin insert into a values (1); commit; end $$;\n", "002_b.down.sql": "delete from a;\n"}), 0, "undo-loses-values")
    lint = run("migrate", "lint", os.path.join(WORK, "bad"), "--json", "-q", "--pg-major", MAJOR)
    assert "up-fails" not in lint.stdout, lint.stdout
    path = folder("bad", {"001_a.up.sql": "create table t (a int); create temp table t () inherits (t); alter table t add column b int;\n", "001_a.down.sql": "drop table t;\n"})
    equal(run("migrate", "lint", path, "--no-lab", "-q").returncode, 0)
    path = folder("bad", dict(GOOD, **{"002_b.up.sql": "do $do$ begin execute $q$alter role current_user set role = E'\\x1b[31mPWN'$q$; end $do$;\n", "002_b.down.sql": "select 1 / 0;\n"}))
    process = run("migrate", "verify", path, "-q", "--pg-major", MAJOR)
    assert "\x1b" not in process.stdout + process.stderr, process.stderr
    evil = ("do $do$ begin execute $q$alter role current_user set search_path = evil, pg_catalog, public$q$; end $do$; create schema if not exists evil; create table if not exists evil.zz (a int);\n"
            "create or replace function evil.format(text, name, name) returns text language sql as $$ select 'junk'::text $$;\n")
    path = folder("bad", dict(GOOD, **{"002_b.up.sql": evil, "002_b.down.sql": "select 1;\n", "003_c.up.sql": "alter table public.a add w int;\n", "003_c.down.sql": "alter table public.a drop w;\n"}))
    assert run("migrate", "verify", path, "-q", "--pg-major", MAJOR).returncode in (0, 4)
    os.mkfifo(os.path.join(path, "004_d.up.sql"))
    contains(run("migrate", "verify", path, "-q").stderr, "no regular file")
    equal(run("migrate", "verify", path, "-q", "--budget", "0").returncode, 3)
    equal(run("migrate", "verify", folder("bad", GOOD), "-q", "--budget", "0").returncode, 2)
    _, result = verify(folder("bad", dict(GOOD, **{"002_b.up.sql": "create table b (id int);\n", "003_c.up.sql": "create table c (id int);\n", "003_c.down.sql": "drop table c;\n"})), "--from", "003")
    equal(rules(result), [])
    tags = {"sqitch.plan": "%syntax-version=1.0.0\n%project=x\n\napp/b 2024-01-01T00:00:00Z A <a@b.c>\n@v1 2024-01-01T00:00:00Z A <a@b.c>\nc 2024-01-02T00:00:00Z A <a@b.c>\n@v2 2024-01-02T00:00:00Z A <a@b.c>\n"
            "app/b [app/b@v2] 2024-01-03T00:00:00Z A <a@b.c>\n", "deploy/app/b@v2.sql": "\\ir ../../common/f.sql\n", "revert/app/b@v2.sql": "drop function f();\n", "deploy/c.sql": "create table c (id int);\n",
            "revert/c.sql": "drop table c;\n", "deploy/app/b.sql": "create or replace function f() returns int language sql as 'select 2';\n", "revert/app/b.sql": "\\ir ../../common/f.sql\n",
            "common/f.sql": "create or replace function f() returns int language sql as 'select 1';\n"}
    bad(tags, 0, "nothing to fix", "3 verified")


def import_keeps():
    """Statements and data stay to the byte."""
    copy = "create table t (a int, b text);\ncopy t from stdin;\n1\t\n\\.\ncreate function f() returns text language sql as $$ select 'one  \n\n\n\ntwo' $$;\n"
    path, out = folder("kept", {"1_a.sql": "-- migrate:up\n" + copy + "\n\n-- migrate:down\ndrop function f();\ndrop table t;\n"}), os.path.join(WORK, "kept-out")
    equal(run("migrate", "import", path, "--out", out).returncode, 0)
    with open(os.path.join(out, "1_a.up.sql"), encoding="utf-8") as file:
        equal(file.read(), copy)
    _, result = verify(out)
    equal(rules(result), [])


def fix_with_comment():
    """A script that ends in a comment can be gone on with."""
    path = folder("comment", {"001_t.up.sql": "create table t (id int primary key, v text, w text);\n", "001_t.down.sql": "drop table t;\n", "002_x.up.sql": "alter table t drop column v",
                              "002_x.down.sql": "alter table t add column v text -- as it was"})
    equal(run("migrate", "verify", path, "-q", "--fix", "--force").returncode, 0)
    _, result = verify(path)
    equal([m["undo_class"] for m in result["migrations"]], ["exact", "exact with saved rows"])


def bad_bytes():
    path = folder("bytes", GOOD)
    with open(os.path.join(path, "002_b.up.sql"), "wb") as out:
        out.write(b"select '\xff\xfe';\n")
    process = run("migrate", "verify", path, "-q")
    equal(process.returncode, 3)
    contains(process.stderr, "is not UTF-8")
    with open(os.path.join(path, "002_b.up.sql"), "wb") as out:
        out.write(b"select 1;\0\n")
    contains(run("migrate", "verify", path, "-q").stderr, "zero byte")


def without_end():
    path = folder("endless", dict(GOOD, **{"002_b.up.sql": "select pg_sleep(100);\n", "002_b.down.sql": "select 1;\n"}))
    process = run("migrate", "verify", path, "-q", "--budget", "1", "--pg-major", MAJOR)
    contains(process.stdout, "it did not end within 1 s")


def history_stops():
    path = folder("stops", dict(GOOD, **{"002_b.up.sql": "alter table nope add x int;\n", "002_b.down.sql": "select 1;\n", "003_c.up.sql": "select 1;\n", "003_c.down.sql": "select 1;\n"}))
    process = run("migrate", "verify", path, "-q", "--pg-major", MAJOR)
    contains(process.stdout, "1 behind the one that fails was not run.")
    contains(process.stdout, "002_b.up.sql:1")
    contains(process.stdout, "^")


def fix():
    """Undos that were found are written, tried again, and right; then those that lose values are made to save them."""
    files = {"001_t.up.sql": "create table t (id int primary key, a varchar(20) default 'x' not null, b int); create table gone (id int primary key, a int);\n", "001_t.down.sql": "drop table t, gone;\n",
             "002_x.up.sql": "alter table t drop a;\ndrop table gone;\ncreate type mood as enum ('a');\n", "003_y.up.sql": "create index t_id on t (id);", "003_y.down.sql": "select 1;\n"}
    path = folder("fix", files)
    first = run("migrate", "verify", path, "-q", "--fix")
    contains(first.stderr, "002_x.down.sql was written")
    contains(first.stderr, "1 that is there was left as it is")
    _, result = verify(path)
    equal(rules(result, "002"), ["undo-loses-values", "undo-moves-columns"])
    equal(rules(result, "003"), ["undo-does-nothing"])
    second = run("migrate", "verify", path, "-q", "--fix", "--force")
    contains(second.stderr, "002_x.up.sql was written")
    _, result = verify(path)
    equal(rules(result), ["undo-moves-columns"])
    equal([m["undo_class"] for m in result["migrations"]], ["exact", "exact with saved rows", "exact"])
    equal(result["undone_as_a_whole"], 1)
    contains(run("migrate", "verify", path, "-q", "--fix").stderr, "there was nothing to write")
    run("migrate", "new", "more", "--out", path)  # its undo is a comment yet
    write("fix/004_more.up.sql", "create table more (id int);\n")
    contains(run("migrate", "verify", path, "-q", "--fix").stderr, "004_more.down.sql was written")


def power():
    """A migration cannot use the powers that reading catalogs takes."""
    trap = ("create function public.hashtextextended(text, bigint) returns bigint language plpgsql as $$ begin raise exception 'run by %', current_user; end $$;\n"
            "create type public.trap as (a int); create function public.out_trap(trap) returns text language plpgsql as $$ begin\n"
            "  if current_user <> 'dbarch_subject' then raise exception 'power'; end if; return 'x'; end $$;\n"
            "create cast (trap as text) with function public.out_trap(trap) as implicit;\ncreate table t (id int primary key, a trap); insert into t values (1, row(1));\n")
    path = folder("power", {"001_a.up.sql": trap, "001_a.down.sql": "drop table t; drop cast (trap as text); drop function out_trap; drop type trap; drop function public.hashtextextended;\n"})
    _, result = verify(path)
    equal(rules(result), [])


PART = "--part" in sys.argv  # for a slower program: one layout of a kind
for name in LAYOUTS if not PART else ("pairs", "goose", "flyway", "sqitch"):
    test("layout: " + name, functools.partial(layout, name))
    if name != "pairs":
        test("import: " + name, functools.partial(imported, name))
test("two tools' files are told apart", told_apart)
test("formats of CI", formats)
test("what does it instead, in formats of CI", lint_formats)
test("groups", groups)
test("pages", pages)
if not PART:
    test("formats of a review", review_formats)
test("--fail-on and CI", fail_on)
test("new", new)
test("--from", from_one)
for name, case in BAD.items() if not PART else ():
    test("bad input: " + name, functools.partial(bad, *case))
test("bad input: what readers found", more_bad)
test("import keeps what statements hold", import_keeps)
test("--fix behind a comment", fix_with_comment)
test("bad input: bytes", bad_bytes)
test("bad input: without end", without_end)
test("what is behind a failure is not run", history_stops)
test("--fix writes undos that are right", fix)
test("power stays with us", power)
finish()
