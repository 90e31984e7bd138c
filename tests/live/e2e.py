#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program from outside: labs, subjects, bad input, iron law 6.  Starts labs of its own and ends them."""
import glob
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import DBARCH, ROOT, WORK, clean_env, contains, equal, finish, review, run, test, write  # noqa: E402

MAJOR = os.environ.get("TEST_PG_MAJOR", "17")
CACHE = os.environ.get("DBARCH_CACHE") or ("/var/cache/dbarch" if os.geteuid() == 0 else os.path.expanduser("~/.cache/dbarch"))
SHOP = os.path.join(ROOT, "examples", "shop")
BIN = glob.glob(os.path.join(CACHE, "runtime", MAJOR, "usr/lib/postgresql", MAJOR, "bin"))[0]


class Lab:
    """A kept lab; psql in it as superuser."""

    def __init__(self):
        out = run("lab", "start", "--pg-major", MAJOR)
        assert out.returncode == 0, out.stderr
        self.name = re.search(r"^lab (\S+):", out.stdout).group(1)
        self.url = out.stdout.strip().split("\n")[-1]
        self.host = re.search(r"host=([^&]+)", self.url).group(1).replace("%2F", "/")

    def conninfo(self, database="lab", user="dbarch"):
        return "host=%s port=5432 user=%s dbname=%s" % (self.host, user, database)

    def psql(self, sql, database="lab", user="dbarch", check=True):
        done = subprocess.run([os.path.join(BIN, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo(database, user), "-f", "-"],
                              input=sql, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env(), timeout=120)
        if check:
            assert done.returncode == 0, done.stderr
        return done.stdout

    def file(self, path, database="lab"):
        with open(path, encoding="utf-8") as source:
            self.psql(source.read(), database)

    def stop(self):
        run("lab", "stop", self.name)


def lab_folders():
    return sorted(os.listdir(os.path.join(CACHE, "lab"))) if os.path.isdir(os.path.join(CACHE, "lab")) else []


def servers():
    return subprocess.run(["pgrep", "-f", "postgres -D " + CACHE], stdout=subprocess.PIPE, encoding="utf-8").stdout.split()


# ---- the lab --------------------------------------------------------------------------------------------------------

def lab_run():
    before = lab_folders()
    out = run("lab", "run", "--pg-major", MAJOR, "--", "sh", "-c", "psql -XAtc 'select 40 + 2' && exit 3")
    equal((out.stdout.strip(), out.returncode), ("42", 3))
    equal(lab_folders(), before)


def lab_several():
    labs = [Lab(), Lab()]
    status = run("lab", "status").stdout
    for lab in labs:
        contains(status, lab.name)
        equal(lab.psql("select 1").strip(), "1")
    contains(run("lab", "stop").stderr, "name one of")
    for lab in labs:
        lab.stop()
    equal(run("lab", "url").returncode, 2)


def lab_extensions():
    lab = Lab()
    try:
        names = ["pg_stat_statements", "pg_trgm", "btree_gist", "btree_gin", "citext", "ltree", "hstore", "pgcrypto", "uuid-ossp", "unaccent"]
        if MAJOR != "15":
            names += ["vector", "hypopg"]
        lab.psql("".join('create extension if not exists "%s";' % name for name in names))
        equal(lab.psql("select current_setting('listen_addresses')").strip(), "")
        equal(oct(os.stat(lab.host).st_mode & 0o777), "0o700")
    finally:
        lab.stop()


def lab_sweeps_after_sigkill():
    process = subprocess.Popen([DBARCH, "lab", "run", "--pg-major", MAJOR, "--", "sleep", "60"], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(200):
        if servers():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    assert lab_folders(), "no lab to kill"
    process.kill()
    process.wait()
    for _ in range(100):
        if not servers():
            break
        time.sleep(0.1)
    equal(servers(), [])
    equal(run("lab", "run", "--pg-major", MAJOR, "--", "true").returncode, 0)
    equal(lab_folders(), [])
    os.killpg(process.pid, signal.SIGKILL) if subprocess.run(["pgrep", "-g", str(process.pid)], stdout=subprocess.DEVNULL).returncode == 0 else None


def lab_ends_on_sigint():
    process = subprocess.Popen([DBARCH, "review", SHOP, "-q", "--out", os.path.join(WORK, "sigint")], env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 130)
    contains(err, "interrupted")
    equal((servers(), lab_folders()), ([], []))


def keeps_what_was_proven_until_sigint():
    out = os.path.join(WORK, "kept")
    process = subprocess.Popen([DBARCH, "review", SHOP, "--out", out], env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    for line in process.stderr:
        if "proving 4 of" in line:
            process.send_signal(signal.SIGINT)
            break
    text, err = process.communicate(timeout=60)
    equal(process.returncode, 130)
    with open(os.path.join(out, "findings.json"), encoding="utf-8") as file:
        findings = json.load(file)["findings"]
    proven = [f for f in findings if f["proof"] == "proven"]
    assert 2 <= len(proven) < len(findings), [f["proof"] for f in findings]
    contains(text, "WORTH IT")
    assert glob.glob(out + "/migrations/*.up.sql")
    equal((servers(), lab_folders()), ([], []))


HOSTILE = {
    "copy from program": ("create table t (a text); copy t from program 'id';", "COPY"),
    "copy to program": ("copy (select 1) to program 'cat > /tmp/x';", "COPY"),
    "copy from file": ("create table t (a text); copy t from '/etc/passwd';", "COPY"),
    "pg_read_file": ("select pg_read_file('/etc/passwd');", "pg_read_file"),
    "alter system": ("alter system set fsync = off;", "ALTER SYSTEM"),
    "language c": ("create function f() returns int language c as 'libc', 'getpid';", "language c"),
    "lo_import": ("select lo_import('/etc/passwd');", "lo_import"),
    "dblink": ("create extension dblink; select dblink_connect('dbname=postgres user=dbarch');", "dblink"),
    "postgres_fdw": ("create extension postgres_fdw;", "postgres_fdw"),
    "plpython": ("create extension plpython3u;", "plpython3u"),
    "set role": ("set role dbarch;", "dbarch"),
    "session authorization": ("set session authorization dbarch;", "dbarch"),
    "grant server files": ("grant pg_read_server_files to dbarch_subject;", "pg_read_server_files"),
    "create superuser": ("create role evil superuser login; set role evil; copy (select 1) to program 'id';", "COPY"),
    "terminate": ("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'dbarch' and pid <> pg_backend_pid(); select pg_reload_conf();", ""),
    "other database": ("create extension postgres_fdw;", "refused"),
    "load": ("load 'auto_explain';", "LOAD"),
    "catalog": ("update pg_authid set rolsuper = true;", "pg_authid"),
}


def hostile(sql, named):
    path = write("hostile.sql", sql)
    process, _ = review(path)
    equal(process.returncode, 3)
    contains(process.stderr, "hostile.sql:1:")
    contains(process.stderr.lower(), "refused" if named else "permission denied")
    contains(process.stderr.lower(), named.lower())


# ---- review of each kind of subject ---------------------------------------------------------------------------------

def review_shop():
    out = os.path.join(WORK, "shop")
    process, report = review(SHOP, out=out)
    equal(process.returncode, 0)
    got = {(f["rule"], f["object"]) for f in report["findings"]}
    for wanted in [("fk-without-index", "shop.order_items(product_id)"), ("redundant-index", "shop.products_sku_idx"), ("key-overflow", "shop.coupons(id)"),
                   ("duplicate-foreign-key", "shop.payments.payments_order_again"), ("timestamp-without-zone", "shop.orders(placed_at)"),
                   ("nullable-unique", "shop.categories(parent_id, name)"), ("fk-type-mismatch", "shop.reviews(customer_id)")]:
        assert wanted in got, (wanted, sorted(got))
    receipt = next(f for f in report["findings"] if f["object"] == "shop.order_items(product_id)")["receipts"][0]
    assert receipt["claimed"] and receipt["before"] > 5 * receipt["after"] and receipt["n"] >= 5, receipt
    html = open(os.path.join(out, "report.html"), encoding="utf-8").read()
    assert len(html) < 1000000 and "http://" not in html and "https://" not in html and "<script" not in html
    for kind in ("up", "down"):
        assert glob.glob(os.path.join(out, "migrations", "*.%s.sql" % kind))
    contains(process.stdout, "All migrations ran up in turn and down again")
    equal(process.stderr, "")
    again, _ = review(SHOP, out=out)
    equal(again.returncode, 2)
    contains(again.stderr, "--force")


def migrations_run_in_psql():
    out = os.path.join(WORK, "shop")
    if not os.path.exists(out):
        review(SHOP, out=out)
    lab = Lab()
    try:
        for path in sorted(glob.glob(SHOP + "/0*.sql")):
            lab.file(path)
        dump = [os.path.join(BIN, "pg_dump"), "-s", "-d", lab.conninfo()]

        def schema():
            text = subprocess.run(dump, stdout=subprocess.PIPE, encoding="utf-8", env=clean_env()).stdout
            return sorted(line for line in text.split("\n") if not line.startswith("\\"))
        lab.psql("alter table shop.reviews validate constraint reviews_stars")  # what is validated stays so
        before = schema()
        for path in sorted(glob.glob(out + "/migrations/*.up.sql")):
            lab.file(path)
        assert schema() != before
        for path in sorted(glob.glob(out + "/migrations/*.down.sql"), reverse=True):
            lab.file(path)
        after = schema()
        equal(after, before)
    finally:
        lab.stop()


def review_live_and_law_6():
    lab = Lab()
    try:
        for path in sorted(glob.glob(SHOP + "/0*.sql")):
            lab.file(path)
        lab.psql("analyze; create extension if not exists pg_stat_statements; checkpoint")
        counters = """select relname, seq_scan, idx_scan, n_tup_ins, n_tup_upd, n_tup_del, n_mod_since_analyze from pg_stat_user_tables order by 1;
                      select indexrelname, idx_scan from pg_stat_user_indexes order by 1; select stats_reset from pg_stat_database where datname = current_database();
                      select name, setting from pg_settings where name not in ('application_name') order by 1;"""

        def state():
            dump = subprocess.run([os.path.join(BIN, "pg_dump"), "-d", lab.conninfo()], stdout=subprocess.PIPE, encoding="utf-8", env=clean_env()).stdout
            return "\n".join(line for line in dump.split("\n") if not line.startswith("\\"))
        dump_before = state()
        lab.psql("select pg_stat_force_next_flush()")
        time.sleep(1.5)
        before, wal_before = lab.psql(counters), lab.psql("select pg_current_wal_insert_lsn() - '0/0'").strip()
        out = tempfile.mkdtemp(dir=WORK)
        reviewing = subprocess.Popen([DBARCH, "review", lab.conninfo(), "-q", "--out", out, "--pg-major", MAJOR], env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        modes = set()
        while reviewing.poll() is None:
            modes.update(lab.psql("select distinct mode from pg_locks l join pg_stat_activity a using (pid) where a.application_name = 'dbarch' and l.locktype = 'relation'").split())
        text, err = reviewing.communicate()
        equal((reviewing.returncode, err), (0, ""))
        assert modes <= {"AccessShareLock"}, modes
        time.sleep(1.5)
        after, wal_after = lab.psql(counters), lab.psql("select pg_current_wal_insert_lsn() - '0/0'").strip()
        equal(after, before)
        assert int(wal_after) - int(wal_before) < 100000, (wal_before, wal_after)
        equal(state(), dump_before)
        with open(os.path.join(out, "findings.json"), encoding="utf-8") as file:
            report = json.load(file)
        finding = next(f for f in report["findings"] if f["object"] == "shop.order_items(product_id)")
        equal((finding["proof"], finding["receipts"][0]["rows_origin"]), ("proven", "made from statistics"))
        equal(report["subject_kind"], "live database")
        assert any("statistics" in u["why"] or "counters" in u["why"] for u in report["unjudged"])
    finally:
        lab.stop()


def survey_offline_and_few_rights():
    lab = Lab()
    try:
        lab.file(SHOP + "/01_schema.sql")
        lab.file(SHOP + "/02_rows.sql")
        lab.psql("analyze; create role weak login; grant connect on database lab to weak; create extension if not exists pg_stat_statements; select count(*) from shop.orders where note = 'secret literal';"
                 "create table shop.secret as select 'top-secret-' || i as s from generate_series(1, 1000) i; analyze shop.secret;"
                 "create statistics shop.related (ndistinct) on status, customer_id from shop.orders; analyze shop.orders")
        path = os.path.join(WORK, "survey.json")
        out = run("survey", lab.conninfo(), "-o", path)
        equal(out.returncode, 0)
        text = open(path, encoding="utf-8").read()
        assert "secret literal" not in text and "top-secret" not in text and "Leave at the door" not in text and "customer1@" not in text
        equal(run("survey", lab.conninfo(), "-o", path).returncode, 2)
        both = json.loads(text)["schema"]["statistics_objects"][0]
        assert both["distinct"], both
        process, report = review(path)
        equal(process.returncode, 0)
        assert any(f["object"] == "shop.order_items(product_id)" and f["proof"] == "proven" for f in report["findings"])
        # reading the file and writing it again gives the same bytes
        second = os.path.join(WORK, "survey2.json")
        equal(run("survey", path, "-o", second).returncode, 0)
        equal(open(second, encoding="utf-8").read(), text)
        # a survey whose index was never used in 30 days
        survey = json.loads(text)
        survey["server"]["statistics_since"], survey["server"]["statistics_age_seconds"] = "2026-01-01T00:00:00Z", 30 * 86400
        unused = write("unused-index.json", json.dumps(survey))
        process, report = review(unused, "--rule", "unused-index", "--no-lab")
        names = {f["object"] for f in report["findings"]}
        assert "shop.customers_country_idx" in names and "shop.stock_moves_product_idx" not in names, names
        # a role without rights
        weak = run("survey", lab.conninfo(user="weak"), "-o", os.path.join(WORK, "weak.json"))
        equal(weak.returncode, 0)
        contains(weak.stderr, "pg_monitor")
        contains(weak.stderr, "column statistics of")
        process, report = review(os.path.join(WORK, "weak.json"), "--no-lab")
        equal(process.returncode, 0)
        doctor = run("doctor", "-d", "lab", "-h", lab.host, "-U", "weak")
        contains(doctor.stdout, "grant pg_read_all_data")
        equal(doctor.returncode, 0)
    finally:
        lab.stop()


def pg_dump_loads():
    lab = Lab()
    try:
        lab.file(SHOP + "/01_schema.sql")
        lab.file(SHOP + "/02_rows.sql")
        path = os.path.join(WORK, "dump.sql")
        subprocess.run([os.path.join(BIN, "pg_dump"), "-C", "-d", lab.conninfo(), "-f", path], check=True, env=clean_env())
        process, report = review(path, "--rule", "fk-without-index")
        equal(process.returncode, 0)
        assert any(f["proof"] == "proven" and f["receipts"][0]["rows_origin"] == "the subject's own files" for f in report["findings"]), report["findings"]
        assert any("\\connect" in n["text"] for n in report["notes"]), report["notes"]
        custom = os.path.join(WORK, "dump.custom")
        subprocess.run([os.path.join(BIN, "pg_dump"), "-Fc", "-s", "-d", lab.conninfo(), "-f", custom], check=True, env=clean_env())
        process, _ = review(custom)
        equal(process.returncode, 3)
        contains(process.stderr, "pg_restore")
    finally:
        lab.stop()


# ---- bad input ------------------------------------------------------------------------------------------------------

def bad(arguments, code, *parts):
    def check():
        before = lab_folders()
        out = run(*arguments, "-q")
        equal(out.returncode, code)
        for part in parts:
            contains(out.stderr, part)
        equal(lab_folders(), before)
        equal(out.stdout, "")
    return check


def odd_names():
    name = "x" * 63
    path = write("odd.sql", 'create table "%s" (id int primary key);\ncreate table "%s_" ("a""b" int, "naïve ☃" int primary key, "; drop table x; --" int references "%s");\n'
                 'create table "O\'Reilly" ("select" int primary key, x int references "%s");\n' % (name, "y" * 60, name, name))
    process, report = review(path)
    equal(process.returncode, 0)
    equal(sum(1 for f in report["findings"] if f["rule"] == "fk-without-index"), 2)
    for finding in report["findings"]:
        assert not finding["proof"].startswith("unproven: the change failed"), finding["proof"]


def wide_table():
    path = write("wide.sql", "create table wide (%s);" % ", ".join("c%d int" % i for i in range(1600)))
    process, report = review(path)
    equal(process.returncode, 0)


def cycles_and_views():
    path = write("cycles.sql", """create table a (id int primary key, b int); create table b (id int primary key, a int references a); alter table a add foreign key (b) references b;
      create table self (id int primary key, up int references self); create view v1 as select * from a; create view v2 as select * from v1; create view v3 as select v2.*, 1 as x from v2;
      create table none (); create materialized view m as select * from v3;""")
    process, report = review(path)
    equal(process.returncode, 0)
    equal(sorted(f["object"] for f in report["findings"] if f["rule"] == "fk-without-index"), ["public.a(b)", "public.b(a)", "public.self(up)"])


def lab_ignores_the_environment():
    path = write("plain.sql", "create table p (k int unique); insert into p values (1), (null); create table c (id int primary key, k int references p (k)); insert into c values (1, 1);")
    process, report = review(path, env=clean_env(PGHOSTADDR="127.0.0.9", PGOPTIONS="-c default_transaction_read_only=on", PGSSLMODE="require", PGTARGETSESSIONATTRS="standby"))
    equal(process.returncode, 0)
    assert any(f["rule"] == "fk-without-index" and not f["proof"].startswith("unproven") for f in report["findings"]), report["findings"]
    odd = os.path.join(WORK, "odd cache")
    equal(run("lab", "run", "--", "true", env=clean_env(DBARCH_CACHE=odd, DBARCH_PG_BIN=BIN)).returncode, 0)


def owners_inside_a_transaction():
    path = write("owners.sql", 'begin; create table t (i int primary key); alter table t owner to "a$$b"; grant select on t to other; set no_such.thing = 1; set no_such_setting = 1; commit; insert into t values (1);')
    process, report = review(path)
    equal((process.returncode, report["verdict"]), (0, "nothing to fix"))


def stays_powerless():
    """What a subject leaves in its database must not be found by sessions that have power."""
    mark = os.path.join(tempfile.gettempdir(), "dbarch-pwned-%d" % os.getpid())
    trap = """create schema evil;
create function evil.own() returns text language plpgsql as $f$ begin
  begin execute $q$copy (select 1) to program 'touch %s'$q$; exception when others then null; end; return 'x'; end $f$;
create view evil.pg_roles as select evil.own()::name as rolname;
create view evil.pg_locks as select evil.own() as mode; create view evil.pg_class as select evil.own() as relname;
create function evil.quote_ident(text) returns text language sql as 'select evil.own()';
""" % mark
    for more in ("do $$ begin execute 'alter database subject set search_path = evil, public, pg_catalog'; end $$; create role bob;",
                 "do $$ begin execute 'alter role dbarch_subject set search_path = evil, public, pg_catalog'; end $$; create role bob; create extension citext;",
                 "set search_path = evil, public; create role bob; create extension citext; create table public.p (id int primary key);"
                 "create table public.t (a int references public.p); insert into public.p values (1); insert into public.t values (1);"):
        review(write("trap.sql", trap + more))
        assert not os.path.exists(mark)


def surveys_are_schemas_only():
    path = os.path.join(WORK, "honest.json")
    sql = write("honest.sql", "create table a (id int primary key, b int default 1, check (b > 0)); create index a_b on a (b); create index a_b2 on a (b, id);"
                "create view v as select * from a; create policy p on a using (true); create function f(x int) returns int language sql as 'select 1';"
                "create function g() returns void begin atomic select 1; select 2; end;"
                "create trigger t before update on a for each row execute function suppress_redundant_updates_trigger()")
    equal(run("survey", sql, "-o", path).returncode, 0)
    equal(review(path)[0].returncode, 0)
    with open(path, encoding="utf-8") as file:
        honest = file.read()
    for old, new in [('"using_expr": "true"', '"using_expr": "(true)); drop table public.a; --"'),
                     ('"default_expr": "1"', '"default_expr": "1; drop table a"'), ('"default_expr": "1"', '"default_expr": "(1"'), ('"default_expr": "1"', '"default_expr": "1 /*"'),
                     ('"definition": "CREATE INDEX a_b ON public.a USING btree (b)"', '"definition": "CREATE INDEX a_b ON public.a USING btree (b); DROP TABLE x"'),
                     ('"definition": "CREATE INDEX a_b ON public.a USING btree (b)"', '"definition": "CREATE INDEX a_b ON public.other USING btree (b)"'),
                     ('"type": "integer"', '"type": "integer); drop table x; create table y (a int"'), ('"kind": "view"', '"kind": "view x; drop"'),
                     ('"definition": " SELECT', '"definition": " DELETE FROM a; SELECT')]:
        contains(honest, old)
        write("evil.json", honest.replace(old, new, 1))
        out, report = review(os.path.join(WORK, "evil.json"))
        equal((out.returncode, report), (3, None))
        contains(out.stderr, "evil.json: ")


def redaction_of_hostile_surveys():
    path = os.path.join(WORK, "plain-values.json")
    sql = write("plain-values.sql", "create domain d as int check (value > 0); create table cust (id serial primary key, n d, t text); insert into cust (n, t) select 1 + i % 50, 'text ' || i % 70 from generate_series(1, 900) i;")
    equal(run("survey", sql, "--with-values", "-o", path).returncode, 0)
    with open(path, encoding="utf-8") as file:
        honest = json.load(file)
    honest["schema"]["sequences"].append({"schema": "shop", "name": "zz", "owned_by_schema": "public", "owned_by_table": "cust", "last_value": 5, "has_last_value": True})
    write("evil-sequence.json", json.dumps(honest))
    out = os.path.join(WORK, "evil-out.json.gz")
    equal(run("survey", os.path.join(WORK, "evil-sequence.json"), "-q", "-o", out).returncode, 0)
    workload = write("late.workload", "select * from cust where t = 'text 33'; alter role x password 'PASSWORD99';")
    again = run("survey", out, "--workload", workload, "-q", "-o", os.path.join(WORK, "again.json"))
    equal(again.returncode, 2)
    contains(again.stderr, "is disguised, and the maps")
    null = run("survey", path, "-q", "-o", "/dev/null")
    equal((null.returncode, stat.S_ISCHR(os.stat("/dev/null").st_mode)), (0, True))
    both = run("survey", path, "--workload", workload, "-q", "-o", "-")
    equal(both.returncode, 0)
    assert "PASSWORD99" not in both.stdout and "text 33" not in both.stdout
    contains(both.stderr, "kept, since it stands in the schema: public.cust.n: 0")
    honest["schema"]["sequences"].pop()
    for type in honest["schema"]["types"]:
        type["checks"] = [{"name": "c"}]
    write("evil-check.json", json.dumps(honest))
    out = run("survey", os.path.join(WORK, "evil-check.json"), "-q", "-o", os.path.join(WORK, "never.json"))
    equal(out.returncode, 3)
    contains(out.stderr, "has no definition")
    import gzip
    with open(os.path.join(WORK, "cut.json.gz"), "wb") as file:
        file.write(gzip.compress(json.dumps(honest).encode())[:400])
    out = run("review", os.path.join(WORK, "cut.json.gz"), "--no-lab")
    equal(out.returncode, 3)
    contains(out.stderr, "cut off or damaged")


def out_folder_keeps_what_is_not_ours():
    folder = os.path.join(WORK, "foreign")
    sql = write("one.sql", "create table p (id int primary key); create table t (a int references p); insert into p select generate_series(1, 3000); insert into t select 1 + i % 3000 from generate_series(1, 30000) i")
    equal(run("review", sql, "-q", "--out", folder).returncode, 0)
    mine = write("foreign/migrations/900_mine.up.sql", "select 1;")
    equal(run("review", sql, "-q", "--out", folder).returncode, 2)
    first = sorted(os.listdir(folder + "/migrations"))
    equal(run("review", write("bad.sql", "creat table"), "-q", "--out", folder, "--force").returncode, 3)
    equal(sorted(os.listdir(folder + "/migrations")), first)  # a run that fails takes nothing away
    equal(run("review", write("none.sql", "create table t (id int primary key)"), "-q", "--out", folder, "--force").returncode, 0)
    equal(os.listdir(folder + "/migrations"), ["900_mine.up.sql"])
    assert os.path.exists(mine)
    write("holes/findings.json", '{"format": "dbarch-findings", "format_version": 1, "migrations": [{}]}')
    equal(run("review", sql, "-q", "--out", os.path.join(WORK, "holes"), "--force").returncode, 2)
    write("empty/findings.json", "{}")
    write("empty/report.html", "mine")
    equal(run("review", sql, "-q", "--out", os.path.join(WORK, "empty"), "--force").returncode, 2)
    with open(os.path.join(WORK, "empty/report.html"), encoding="utf-8") as file:
        equal(file.read(), "mine")


def goes_on_from_where_it_was_cut():
    out = os.path.join(WORK, "resumed")
    process = subprocess.Popen([DBARCH, "review", SHOP, "--out", out], env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    for line in process.stderr:
        if "proving 5 of" in line:
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=60)
    with open(out + "/findings.json", encoding="utf-8") as file:
        cut = {f["object"]: f for f in json.load(file)["findings"]}
    with open(out + "/findings.json", encoding="utf-8") as file:
        own = file.read()
    write("resumed/findings.json", own.replace('"proven"', '"tried and rejected: forged"'))  # somebody else's: not gone on with
    equal(run("review", SHOP, "-q", "--out", out).returncode, 2)
    write("resumed/findings.json", own)
    again = run("review", SHOP, "--out", out)  # no --force: it goes on
    equal(again.returncode, 0)
    contains(again.stderr, "proofs taken over from the run before, which was cut")
    with open(out + "/findings.json", encoding="utf-8") as file:
        whole = json.load(file)
    equal("unfinished" in whole, False)
    taken = [f for f in whole["findings"] if f.get("receipts") and cut[f["object"]].get("receipts")]
    assert len(taken) >= 2
    for finding in taken:
        equal(finding["receipts"], cut[finding["object"]]["receipts"])
    equal(run("review", SHOP, "-q", "--out", out).returncode, 2)  # a finished one is not overwritten
    # The same receipts give the same bytes, and nothing is measured.
    first, second = (review(SHOP, "--receipts", out + "/findings.json")[1] for _ in range(2))
    equal(json.dumps(first), json.dumps(second))
    equal([f.get("receipts") for f in first["findings"]], [f.get("receipts") for f in whole["findings"]])
    equal(run("review", SHOP, "-q", "--receipts", "nowhere.json").returncode, 3)


def one_object():
    path = write("objects.sql", 'create table p (id int primary key); create table "Odd Name" (a int references p, id int primary key); create table u (x int);')
    for name in ('public."Odd Name"(a)', "public.Odd Name(a)", 'public."Odd Name"', "Odd Name", "Odd Name_a_fkey"):
        equal([f["object"] for f in review(path, "--object", name)[1]["findings"]], ["public.Odd Name(a)"])
    equal(review(path, "--object", "p")[1].get("findings", []), [])
    out = run("review", path, "-q", "--object", "public.Odd Nam")
    equal(out.returncode, 2)
    contains(out.stderr, 'did you mean "public.Odd Name"')


def idle_allowances():
    path = write("idle.sql", "-- dbarch: allow no-primary-keyy typo\ncreate table a (x int);\n-- dbarch: allow no-primary-key\ncreate table b (x int);\n"
                 "-- dbarch: allow no-primary-key not needed\ncreate table c (x int primary key);\n-- dbarch: allow no-primary-key a log\ncreate table d (x int);\n")
    out = review(path)[0]
    for part in ("idle.sql:2: allow no-primary-keyy a has no effect: there is no such rule", "idle.sql:4: allow no-primary-key b has no effect: it gives no reason",
                 "idle.sql:6: allow no-primary-key c has no effect: nothing is found there"):
        contains(out.stderr, part)
    assert "idle.sql:8" not in out.stderr


def includes_and_conditions():
    write("inc/main.sql", "\\ir parts/a.sql\n\\i 'parts/b.sql'\ncreate table c (id int primary key references b);\n")
    write("inc/parts/a.sql", "create table a (id int primary key);\n")
    write("inc/parts/b.sql", "create table b (id int primary key references a);\n")
    for subject in ("inc/main.sql", "inc"):
        contains(run("review", os.path.join(WORK, subject), "-q", "--out", tempfile.mkdtemp(dir=WORK)).stdout, "3 tables and views")
    write("outside.sql", "create table o (id int);")
    for text, part in [("\\i ../outside.sql\n", "outside the subject's own folder"), ("\\ir nowhere.sql\n", "main.sql:1:1: the file that this includes is not there"),
                       ("\\if true\ncreate table x (id int);\n\\endif\n", "conditions are not evaluated")]:
        write("inc2/main.sql", text)
        out = run("review", os.path.join(WORK, "inc2/main.sql"), "-q")
        equal(out.returncode, 3)
        contains(out.stderr, part)


def endless_code_ends_at_the_budget():
    slow = "create function slow(int) returns boolean language plpgsql as $$ begin loop begin perform pg_sleep(0.1); exception when query_canceled then null; end; end loop; end $$;"
    for sql in (slow + "create table p (id int primary key); create table c (id int primary key, pid int references p, v int, check (slow(v)));",
                slow + "create function f() returns trigger language plpgsql as $$ begin perform slow(1); return null; end $$; create table p (id int primary key);"
                "create table c (id int primary key, pid int references p); insert into p select generate_series(1, 100); insert into c select i, i from generate_series(1, 100) i;"
                "create trigger t after delete on p for each row execute function f();"):
        started = time.time()
        process, report = review(write("endless.sql", sql), "--budget", "4")
        equal(process.returncode, 0)
        contains(report["findings"][0]["proof"], "unproven")
        assert time.time() - started < 25, time.time() - started


def interrupted_copy():
    rows = "".join("%d\t%s\n" % (i, "x" * 200) for i in range(60000))
    path = write("copy.sql", "create table c (id int, t text);\ncreate function f() returns trigger language plpgsql as $$ begin loop begin perform pg_sleep(0.1);"
                 " exception when query_canceled then null; end; end loop; end $$;\ncreate trigger t before insert on c for each row execute function f();\ncopy c from stdin;\n" + rows + "\\.\n")
    process = subprocess.Popen([DBARCH, "review", path, "-q"], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=WORK)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    equal((process.returncode, servers(), lab_folders()), (130, [], []))


def lab_run_hands_signals_on():
    for number in (signal.SIGTERM, signal.SIGINT):
        process = subprocess.Popen([DBARCH, "lab", "run", "--", "sleep", "77"], env=clean_env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3)
        process.send_signal(number)
        process.wait(timeout=20)
        equal((process.returncode, lab_folders()), (130, []))
    process = subprocess.Popen([DBARCH, "lab", "run", "--", "sleep", "76.%d" % os.getpid()], env=clean_env(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(3)
    process.kill()
    process.wait()
    time.sleep(0.5)
    equal(subprocess.run(["pgrep", "-f", "^sleep 76.%d" % os.getpid()], stdout=subprocess.PIPE).stdout, b"")
    run("lab", "run", "--", "true")  # sweeps


def lab_psql():
    lab = Lab()
    try:
        for words in (["-XAtc", "select 40 + 2"], [lab.name, "-XAtc", "select 40 + 2"]):
            equal(run("lab", "psql", *words).stdout.strip(), "42")
        equal(run("lab", "start", "twice").returncode, 2)
    finally:
        lab.stop()


def lab_that_dies():
    """A lab whose server is killed while it loads, and while it proves: exit 5, and what was proven stays."""
    for moment in ("loading examples/shop/02_rows.sql", "proving 4 of"):
        out = tempfile.mkdtemp(prefix="out-", dir=WORK)
        process = subprocess.Popen([DBARCH, "review", "examples/shop", "--out", out], cwd=ROOT, env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8")
        for line in process.stderr:
            if moment in line:
                os.kill(int(servers()[0]), signal.SIGKILL)
                break
        err = process.communicate(timeout=60)[1]
        assert process.returncode == 5 and ("lab's server ended" in err or "dbarch: lab: " in err), err
        equal(os.path.exists(out + "/report.html"), "proving" in moment)
    equal(lab_folders(), [])


def foreign_keys_measured_right():
    path = write("fk.sql", "create table p (id int primary key); insert into p select generate_series(1, 3000);"
                 "create table d (id int primary key, a int references p deferrable initially deferred); insert into d select i, 1 + i % 3000 from generate_series(1, 40000) i;"
                 "create table own (id int primary key, root int references own); insert into own select i, (i - 1) / 4 * 4 + 1 from generate_series(1, 40000) i order by i;"
                 "create table blocked (id int primary key); insert into blocked select generate_series(1, 1000); create rule r as on delete to blocked do instead nothing;"
                 "create table b (id int primary key, a int references blocked); insert into b select i, 1 + i % 1000 from generate_series(1, 20000) i;")
    found = {f["object"]: f["proof"] for f in review(path, "--rule", "fk-without-index")[1]["findings"]}
    equal((found["public.d(a)"], found["public.own(root)"]), ("proven", "proven"))
    contains(found["public.b(a)"], "kept the row")


def expression_statistics():
    path = write("expression.sql", "create table u (id int primary key, slug text not null); create index on u (lower(slug)); insert into u select i, 'S' || i from generate_series(1, 1000) i;")
    equal(review(path)[0].returncode, 0)


def incomplete_partitioned_index():
    path = write("parts.sql", "create table p (id int primary key); create table t (id int, a int references p, primary key (id)) partition by range (id);"
                 "create table t1 partition of t for values from (0) to (10); create table t2 partition of t for values from (10) to (20);"
                 "create index t_a on only t (a); create index t1_a on t1 (a); alter index t_a attach partition t1_a;")
    findings = review(path)[1]["findings"]
    equal([(f["rule"], f["object"]) for f in findings], [("invalid-object", "public.t_a")])
    contains(findings[0]["what"], "1 of 2 partitions lack their part (public.t2)")


def extension_in_its_own_schema():
    path = write("extension.sql", "begin; create schema e; create extension citext schema e; create table t (id int primary key, x e.citext); commit;")
    equal(review(path)[0].returncode, 0)


def invalid_indexes():
    lab = Lab()
    try:
        lab.psql("create table t (id int primary key, a int, b int); insert into t select i, i % 10, i from generate_series(1, 500) i;"
                 "create index t_b on t (b); create index fine on t (a, b); create index allowed on t (b, a)")
        equal(lab.psql("create unique index concurrently t_a on t (a)", check=False), "")  # fails: stays behind, invalid
        equal(lab.psql("create unique index concurrently t_a2_ccnew on t (a)", check=False), "")
        lab.psql("update pg_index set indisvalid = false where indexrelid in ('t_b'::regclass, 'allowed'::regclass)")
        config = write("invalid.yaml", 'allow:\n  - { rule: invalid-object, object: public.allowed, reason: "going away" }\n')
        process, report = review(lab.conninfo(), "--rule", "invalid-object", "--config", config)
        equal(process.returncode, 0)
        found = {f["object"]: f for f in report["findings"]}
        equal(sorted(found), ["public.allowed", "public.t_a", "public.t_a2_ccnew", "public.t_b"])
        equal(found["public.allowed"]["suppressed_by"][:10], "going away")
        for name in ("public.t_a", "public.t_b"):
            equal((found[name]["severity"], found[name]["proof"], found[name]["change"]["undo_proven"]), ("must-fix", "proven", True))
        contains(found["public.t_a"]["why"], "SELECT a, count(*) FROM public.t GROUP BY a")
        equal((found["public.t_a2_ccnew"]["severity"], found["public.t_a2_ccnew"].get("change") or None), ("question", None))
        blocker = subprocess.Popen([os.path.join(BIN, "psql"), "-Xq", "-d", lab.conninfo(), "-c", "begin; lock table t in share update exclusive mode; select pg_sleep(20)"], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        report = review(lab.conninfo(), "--rule", "invalid-object", "--no-lab")[1]
        blocker.kill()
        equal((report.get("findings", []), len(report["unjudged"])), ([], 4))
    finally:
        lab.stop()


def unused_indexes():
    """A subject whose counters are old enough, and one where they are not: the former asks, the latter cannot judge."""
    lab = Lab()
    try:
        lab.psql("create table t (id int primary key, a int, b int, c int); insert into t select i, i, i, i from generate_series(1, 20000) i;"
                 "create index never on t (a); create index allowed on t (c); create index used on t (b); analyze t;"
                 "set enable_seqscan = off; select count(*) from t where b = 5; select pg_stat_force_next_flush()")
        process, report = review(lab.conninfo(), "--rule", "unused-index")
        equal((process.returncode, report.get("findings", [])), (0, []))
        contains(json.dumps(report["unjudged"]), "unused-index")
        survey = os.path.join(WORK, "idle-index.json")
        equal(run("survey", lab.conninfo(), "-o", survey).returncode, 0)
        with open(survey, encoding="utf-8") as file:
            text = json.load(file)
        text["server"]["statistics_age_seconds"] = 40 * 86400
        write("idle-index.json", json.dumps(text))
        config = write("unused.yaml", 'allow:\n  - { rule: unused-index, object: public.allowed, reason: "year-end report" }\n')
        report = review(survey, "--rule", "unused-index", "--config", config)[1]
        equal(sorted((f["object"], f.get("suppressed", False)) for f in report["findings"]), [("public.allowed", True), ("public.never", False)])
    finally:
        lab.stop()


def probes_leave_unused_indexes_unused():
    lab = Lab()
    try:
        lab.psql("create table t (id int primary key, a int, b int); insert into t select i, i, i from generate_series(1, 20000) i; create index never on t (a); create index used on t (b); analyze t;"
                 "set enable_seqscan = off; select count(*) from t where b = 5; select pg_stat_force_next_flush()")
        out = run("survey", lab.conninfo(), "--with-values", "-q")
        equal(out.returncode, 0)
        ends = {s["column"]: (s.get("minimum"), s.get("maximum")) for s in json.loads(out.stdout)["schema"]["relations"][0]["statistics"]}
        equal((ends["a"], ends["b"]), ((None, None), ("1", "20000")))
        equal(lab.psql("select idx_scan from pg_stat_user_indexes where indexrelname = 'never'").strip(), "0")
        levels = {i["name"]: i["levels"] for i in json.loads(out.stdout)["schema"]["relations"][0]["indexes"]}
        equal(levels, {"never": 2, "t_pkey": 2, "used": 2})
        assert "minimum" not in run("survey", lab.conninfo(), "--no-values", "-q").stdout
    finally:
        lab.stop()


def probes_run_nothing_foreign():
    """Planning folds immutable functions in the predicates of all indexes of a table: such tables are not probed."""
    mark = os.path.join(tempfile.gettempdir(), "dbarch-probe-%d" % os.getpid())
    path = write("folded.sql", """create function g() returns boolean language plpgsql as $f$ begin
  begin execute $q$copy (select 1) to program 'touch %s'$q$; exception when others then null; end; return true; end $f$;
create function f(text) returns boolean language plpgsql immutable as $f$ begin return public.g(); end $f$;
create table t (id int primary key, v int); create index on t (v) where f('x');
create table tricky (id int primary key, "a'" boolean, "b'" boolean); create index on tricky (id) where "a'" and f('x') and "b'"; insert into tricky values (1, true, true); create table fine (id int primary key, v numeric); create index on fine (v) where v > 0.5;
insert into fine select i, i from generate_series(1, 5000) i;""" % mark)
    out = run("survey", path, "--with-values", "-q")
    equal((out.returncode, os.path.exists(mark)), (0, False))
    equal([s.get("maximum") for r in json.loads(out.stdout)["schema"]["relations"] for s in r.get("statistics", []) if s["column"] == "id"], ["5000", None])
    lab = Lab()
    try:
        lab.file(path)
        if os.path.exists(mark):
            os.unlink(mark)
        equal((run("survey", lab.conninfo(), "--with-values", "-q").returncode, os.path.exists(mark)), (0, False))
    finally:
        lab.stop()


def empty_database():
    lab = Lab()
    try:
        process, report = review(lab.conninfo())
        equal((process.returncode, report["verdict"]), (0, "nothing to look at: no table and no view"))
    finally:
        lab.stop()


def missing_value():
    out = run("review", "--out")
    equal(out.returncode, 2)
    contains(out.stderr, "--out needs a FOLDER")


def dropped_while_read():
    lab = Lab()
    try:
        lab.psql("".join("create table t%d (id int primary key, a int check (a > 0));" % i for i in range(300)))
        churn = subprocess.Popen(["sh", "-c", "i=0; while :; do echo \"drop table if exists t$((i %% 300)); create table t$((i %% 300)) (id int primary key, a int check (a > 0));\"; i=$((i+1)); sleep 0.05; done | '%s' -Xq -d '%s'" % (
            os.path.join(BIN, "psql"), lab.conninfo())], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            results = [run("survey", lab.conninfo(), "-q") for _ in range(8)]
        finally:
            os.killpg(churn.pid, signal.SIGKILL)
            churn.wait()
        good = sum(r.returncode == 0 for r in results)
        for r in results:
            assert r.returncode in (0, 4), (r.returncode, r.stderr)
        assert good >= 4, [r.stderr for r in results]
    finally:
        lab.stop()


def server_dies():
    lab = Lab()
    try:
        lab.psql("create table t (id int primary key)")
        pid = lab.psql("select pg_backend_pid()")
        assert pid
        lab.psql("begin; lock table t in access exclusive mode; select 1")  # released at once: only a warm-up
        blocker = subprocess.Popen([os.path.join(BIN, "psql"), "-Xq", "-d", lab.conninfo(), "-c", "begin; lock table t in access exclusive mode; select pg_sleep(30)"], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        reading = subprocess.Popen([DBARCH, "survey", lab.conninfo(), "-q"], env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        time.sleep(0.7)
        with open(os.path.join(os.path.dirname(lab.host), "data", "postmaster.pid"), encoding="utf-8") as file:
            os.kill(int(file.readline()), signal.SIGQUIT)
        out, err = reading.communicate(timeout=60)
        blocker.wait()
        equal(reading.returncode, 4)
        contains(err, "server")
    finally:
        lab.stop()


def locked_table_is_a_gap():
    lab = Lab()
    try:
        lab.psql("create table t (id int primary key)")
        blocker = subprocess.Popen([os.path.join(BIN, "psql"), "-Xq", "-d", lab.conninfo(), "-c", "begin; lock table t in access exclusive mode; select pg_sleep(8)"], env=clean_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        out = run("survey", lab.conninfo(), "-o", os.path.join(WORK, "locked.json"))
        blocker.kill()
        assert out.returncode in (0, 4), out.stderr  # 17 locks a table to deparse its expressions, 15 does not
        contains(out.stderr, "true sizes of tables" if out.returncode == 0 else "public.t is held by process ")
    finally:
        lab.stop()


def wrong_password():
    # A server that wants passwords: the lab's own, with another pg_hba.conf.
    lab = Lab()
    try:
        lab.psql("create role guarded login password 'right'")
        hba = os.path.join(os.path.dirname(lab.host), "data", "pg_hba.conf")
        text = open(hba, encoding="utf-8").read()
        with open(hba, "w", encoding="utf-8") as file:
            file.write("local all guarded scram-sha-256\n" + text)
        lab.psql("select pg_reload_conf()")
        time.sleep(0.3)
        for subject in ("postgresql://guarded:hunter2@/lab?host=" + lab.host, "host=%s user=guarded dbname=lab password=hunter2" % lab.host):
            out = run("review", subject, "--out", os.path.join(WORK, "nothing"))
            equal(out.returncode, 4)
            assert "hunter2" not in out.stderr + out.stdout, out.stderr
            contains(out.stderr, "password")
        process, report = review("postgresql://guarded:right@/lab?host=" + lab.host, "--no-lab")
        equal(process.returncode, 0)
        assert ":right" not in json.dumps(report) and "=right" not in json.dumps(report)
    finally:
        lab.stop()


def niced():
    equal(subprocess.run(["nice", "-n", "12", DBARCH, "lab", "run", "--", "true"], env=clean_env()).returncode, 0)


def disk_and_folders():
    missing = run("review", SHOP, "-q", "--pg-bin", "/nowhere")
    equal((missing.returncode, "no PostgreSQL server there" in missing.stderr), (5, True))
    unusable = run("review", SHOP, "-q", env=clean_env(DBARCH_CACHE="/proc/dbarch"))
    equal(unusable.returncode, 5)
    contains(unusable.stderr, "hint")
    equal(run("doctor", "--pg-bin", "/nowhere", "-q").returncode, 5)
    if os.geteuid() == 0:  # a disk that is full: a small tmpfs
        folder = os.path.join(WORK, "small")
        os.mkdir(folder)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", folder], stderr=subprocess.DEVNULL).returncode == 0:
            try:
                full = run("lab", "run", "--", "true", env=clean_env(DBARCH_CACHE=folder, DBARCH_PG_BIN=BIN))
                equal(full.returncode, 5)
                contains(full.stderr, "MB free")
                equal([name for name in os.listdir(folder) if os.listdir(os.path.join(folder, name)) and name != "template"], [])
                # Room to start, and a subject that fills it: data on one try, the log that the server cannot do without on the other.
                subprocess.run(["mount", "-o", "remount,size=420m", folder], check=True)
                for sql in ("create unlogged table big as select repeat(md5(i::text), 30) from generate_series(1, 2000000) i;",
                            "create table big (t text); insert into big select repeat(md5(i::text), 30) from generate_series(1, 2000000) i;"):
                    full = run("review", write("big.sql", sql), "-q", env=clean_env(DBARCH_CACHE=folder, DBARCH_PG_BIN=BIN))
                    equal((full.returncode, "disk is full" in full.stderr), (5, True))
                    equal(os.listdir(os.path.join(folder, "lab")), [])
            finally:
                subprocess.run(["umount", folder], check=True)


def configuration():
    folder = os.path.join(WORK, "project")
    write("project/dbarch.yaml", 'subject: schema.sql\nallow:\n  - { rule: no-primary-key, object: public.t, reason: "staging" }\n')
    write("project/schema.sql", "create table t (a int);")
    out = run("review", "-q", cwd=folder)
    equal(out.returncode, 0)
    contains(out.stdout, "staging")
    for text, part in [("alow: []\n", 'did you mean "allow"'), ("allow:\n  - { rule: no-primary-kye, reason: x }\n", 'did you mean "no-primary-key"'),
                       ("allow:\n  - { rule: no-primary-key }\n", "needs a rule and a reason"), ("allow: {\n", "dbarch.yaml:")]:
        write("project/dbarch.yaml", "subject: schema.sql\n" + text)
        out = run("review", "-q", "--force", cwd=folder)
        equal(out.returncode, 3)
        contains(out.stderr, part)


def fail_on():
    path = write("failing.sql", "create table p (id int primary key); create table t (a int references p);")
    equal(review(path, "--fail-on", "question")[0].returncode, 1)
    equal(review(path, "--fail-on", "must-fix")[0].returncode, 0)
    equal(review(SHOP, "--rule", "key-overflow", env=clean_env(CI="true"))[0].returncode, 1)
    equal(review(SHOP, "--rule", "key-overflow", "--fail-on", "never", env=clean_env(CI="true"))[0].returncode, 0)


def same_bytes():
    path = write("same.sql", "create table p (id int primary key); create table t (id int primary key, a int references p, at timestamp); create table u (a int);")
    first, second = review(path, "--rule", "no-primary-key")[1], review(path, "--rule", "no-primary-key")[1]
    equal(json.dumps(first), json.dumps(second))
    a, b = run("survey", path, "--no-values", "-q").stdout, run("survey", path, "--no-values", "-q").stdout
    strip = re.compile(r'"(taken_at|uptime_seconds|size_bytes|statistics_since|statistics_age_seconds|commits|rollbacks|blocks_hit|blocks_read|xid_age|last_analyze|last_vacuum|heap_blocks_hit|heap_blocks_read|statistics)"[^\n]*')
    equal(strip.sub("", a), strip.sub("", b))


def receipts_from_statistics():
    """A live subject whose partitions, domains and checks take no made-up rows: rows are made from its statistics."""
    lab = Lab()
    try:
        lab.psql("""create domain code as text check (value ~ '^[A-Z]{2}-[0-9]{5}$');
create table customer (id int primary key, code code not null unique);
insert into customer select i * 3, 'AB-' || lpad(i::text, 5, '0') from generate_series(1, 4000) i;
create table visit (id bigint generated always as identity, customer_id int not null references customer, at date not null, code code not null, days int check (days between 1 and 9), primary key (id, at)) partition by range (at);
create table visit_1 partition of visit for values from ('2024-01-01') to ('2024-07-01');
create table visit_2 partition of visit for values from ('2024-07-01') to ('2025-01-01');
insert into visit (customer_id, at, code, days) select 3 * (1 + i % 4000), date '2024-01-01' + i % 366, 'CD-' || lpad((i % 900)::text, 5, '0'), 1 + i % 9 from generate_series(1, 30000) i;
create table purchase (id int primary key, customer_id int not null references customer, code code not null, day date not null check (day >= '2024-01-01'));
insert into purchase select i, 3 * (1 + (i * 7) % 4000), 'EF-' || lpad((i % 700)::text, 5, '0'), date '2024-01-01' + i % 300 from generate_series(1, 20000) i; analyze;""")
        out = tempfile.mkdtemp(dir=WORK)
        done = run("review", lab.conninfo(), "-q", "--out", out, "--pg-major", MAJOR)
        equal(done.returncode, 0)
        with open(os.path.join(out, "findings.json"), encoding="utf-8") as file:
            report = json.load(file)
        for name, rows in (("public.visit(customer_id)", "30 k rows"), ("public.purchase(customer_id)", "20 k rows")):
            finding = next(f for f in report["findings"] if f["object"] == name)
            receipt = finding["receipts"][0]
            equal((finding["proof"], receipt["rows_origin"]), ("proven", "made from statistics"))
            contains(receipt["rows"], rows)
            assert receipt["after"] < receipt["before"] / 2, receipt
        text = done.stdout + json.dumps(report)
        for value in ("AB-0", "CD-0", "EF-0"):  # production's values stay in the lab
            assert value not in text, value
    finally:
        lab.stop()


# ---- what-if and stand-ins -------------------------------------------------------------------------------------------

def checks_and_sequences():
    """Rows that break a check of two columns leave no table empty; keys go on behind the rows; what dbarch asks is no workload."""
    lab = Lab()
    try:
        lab.psql("""create extension if not exists pg_stat_statements; create extension pageinspect; select pg_stat_statements_reset();
create table shipment (id bigint generated always as identity primary key, placed timestamptz not null, shipped timestamptz, lo int not null, hi int not null, rare int, constraint later check (shipped is null or shipped >= placed), constraint lohi check (lo < hi), constraint not_both check (rare is null or lo > 5));
insert into shipment (placed, shipped, lo, hi, rare) select '2026-01-01'::timestamptz + i * interval '1 minute', case when i % 3 > 0 then '2026-01-01'::timestamptz + i * interval '1 minute' + interval '2 hours' * (i % 5) end, i * 7919 % 1000, i * 7919 % 1000 + 1 + i % 3, case when i % 40 = 0 and i * 7919 % 1000 > 5 then i % 9 end from generate_series(1, 50000) i;
create table part (k int, a int, b int, constraint ab check (a <= b)) partition by range (k);
create table part_1 partition of part for values from (0) to (1000);
insert into part select i % 1000, i % 100, i % 100 + 1 from generate_series(1, 5000) i; vacuum analyze""")
        lab.psql("select count(*) from shipment where placed > now() - interval '1 day'")
        survey = os.path.join(WORK, "checks.json")
        for attempt in range(2):
            equal(run("survey", lab.conninfo(), "--with-values", "-q", "-f", "-o", survey).returncode, 0)
        with open(survey, encoding="utf-8") as file:
            texts = [statement["text"] for statement in json.load(file)["workload"]]
        assert any("$1::interval" in text for text in texts) or MAJOR == "15", texts
        equal([text for text in texts if "dbarch" in text or "pg_catalog.pg_" in text or "pg_stat_statements" in text], [])
        out = run("lab", "stand-in", survey, "--rows", "20%", "-q", "--pg-major", MAJOR)
        assert out.returncode == 0, out.stderr
        name, url = re.search(r"^lab (\S+):", out.stdout).group(1), out.stdout.strip().split("\n")[-1]
        ask = lambda sql: subprocess.run([os.path.join(BIN, "psql"), "-XAtq", "-d", url, "-c", sql], stdout=subprocess.PIPE, check=True, encoding="utf-8", env=clean_env()).stdout.strip()
        try:
            contains(out.stderr, "extensions left out")
            contains(out.stderr, "pageinspect")
            contains(out.stderr, "its check lohi does not hold")
            equal((ask("select count(*) from shipment"), ask("select count(*) from part")), ("10000", "1000"))
            equal(ask("select string_agg(conname || ':' || convalidated, ',' order by conname) from pg_constraint where contype = 'c' and conrelid = 'shipment'::regclass and conname in ('lohi', 'not_both')"), "lohi:false,not_both:true")
            equal(ask("select count(*) from shipment where rare is not null and lo <= 5"), "0")
            equal(ask("select count(*) from pg_constraint where conname = 'ab'"), "2")
            equal(ask("with n as (insert into shipment (placed, lo, hi) values (now(), 1, 2) returning id) select n.id > (select max(id) from shipment) from n"), "t")
        finally:
            run("lab", "stop", name)
        equal(run("survey", lab.conninfo(), "-o", "/nonexistent/x.json").returncode, 2)
    finally:
        lab.stop()


def load():
    lab = Lab()
    try:
        lab.psql("create table p (id int primary key, n int); insert into p select i, i % 9 from generate_series(1, 2000) i;"
                 "create table t (id bigserial primary key, p int not null references p, a int, b text, unique (p, a)); insert into t (p, a, b) select 1 + i % 2000, i, md5(i::text) from generate_series(1, 300000) i; vacuum analyze")
        workload = write("load.workload", "select * from t where p = $1 limit $2; update p set n = $2 where id = $1; insert into t (p, a, b) values ($1, $2, $3); select count(*) from t where id = any ($1);"
                         "select nope from t; select * from p where id = $1 and n = $2;")
        out = run("lab", "load", lab.name, "--workload", workload, "-T", "3", "-c", "3", "--json", "-q", "alter table t alter column a type bigint")
        equal(out.returncode, 0)
        contains(out.stderr, 'not run: select nope from t: column "nope" does not exist')
        told = json.loads(out.stdout)
        equal((len(told["statements"]), told["clients"]), (5, 3))
        equal((told["errors"], told["statements"][0].get("prepared_again", 0) in (1, 2, 3)), (0, True))  # cached plan must not change result type: once for each client
        assert all(s["runs"] > 20 and 0 < s["p50_ms"] <= s["p95_ms"] <= s["p99_ms"] <= s["worst_ms"] for s in told["statements"]), told["statements"]
        change = told["changes"][0]
        assert change["ms"] > 50 and 900 < change["begin_ms"] < 1600 and "error" not in change, change
        held = [w for w in told["waits"] if w.get("relation") == "public.t" and w.get("holder", "").startswith("alter table t")]
        assert held and held[0]["ms"] > change["ms"] * 0.3, (change, told["waits"][:5])
        assert any(w.get("held", "").startswith("AccessExclusiveLock") for w in held), held  # one that was seen as it ended may lack it
        assert max(s.get("during_ms", 0) for s in told["statements"]) > change["ms"] * 0.3, told["statements"]
        # rows that were sampled are found: two parameters of one table come from one row
        equal(lab.psql("select data_type from information_schema.columns where table_name = 't' and column_name = 'a'").strip(), "bigint")
        table = run("lab", "load", lab.name, "select * from p where id = $1", "update p set n = n + 1 where id = 1 returning pg_sleep(0.02)", "-T", "1", "-c", "8", "-q")
        contains(table.stdout, "8 clients for 1.")
        contains(table.stdout, "of a row that another transaction has changed")
        for words, message in ((("lab", "load", lab.name), "nothing to run"), (("lab", "load", lab.name, "select nope"), "no statement of the workload can be run"), (("lab", "load", lab.name, "select 1", "-c", "99"), "1 to 64"),
                               (("lab", "load", lab.name, "select 1", "-T", "soon"), "--time"), (("lab", "load", "/nowhere", "select 1"), "no such file"), (("lab", "load", lab.name, "begin", "select 1"), "cannot be a part")):
            out = run(*words, "-q")
            assert out.returncode in (2, 3), (words, out.returncode)
            contains(out.stderr, message)
        running = subprocess.Popen([DBARCH, "lab", "load", lab.name, "select pg_sleep(0.05)", "-T", "60", "-q"], env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(1.5)
        running.send_signal(signal.SIGINT)
        equal(running.wait(timeout=10), 130)
    finally:
        lab.stop()


def sample():
    lab = Lab()
    try:
        lab.psql("create table person (id int primary key, email text not null unique, born date, name text, note text, boss int references person);"
                 "insert into person select i, 'user' || i || '@example.com', date '1970-01-01' + i, 'Jürgen Nr. ' || i, 'note ' || i, case when i > 1 then 1 + i / 3 end from generate_series(1, 20000) i;"
                 "create table visit (a int, b int, person int references person, owner_ref text references person (email), phone bigint, emails text[], what text, primary key (a, b));"
                 "insert into visit select i / 10, i % 10, 1 + (i * 7) % 20000, 'user' || (1 + (i * 11) % 20000) || '@example.com', 4930000000 + i, array['user' || i || '@example.com'], 'w' || i from generate_series(1, 60000) i;"
                 "create table part (id int primary key, a int, b int, tag text, double int generated always as (id * 2) stored, foreign key (a, b) references visit); insert into part select i, i / 7, i % 10, E't\\tab\\n' || i from generate_series(1, 30000) i;"
                 "create table hidden (id int); insert into hidden select generate_series(1, 50); comment on column part.tag is 'personal';"
                 "create role reader login; grant usage on schema public to reader; grant connect on database lab to reader; grant select on person, visit, part to reader; vacuum analyze")
        def count(url, sql):
            return subprocess.run([os.path.join(BIN, "psql"), "-XAtq", "-d", url, "-c", sql], encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_env(), timeout=60).stdout.strip()
        out = run("lab", "stand-in", lab.conninfo(user="reader"), "--sample", "--rows", "10%", "--mask", "visit.what", "-q", "--pg-major", MAJOR)
        equal((out.returncode, out.stderr if out.returncode else ""), (0, ""))
        contains(out.stdout, "rows of its own, 10%")
        contains(out.stderr, "public.person: masked: email, born, name")
        contains(out.stderr, "public.visit: masked: owner_ref, phone, emails (left empty), what")  # what refers to a masked column is masked
        contains(out.stderr, "public.hidden: has no rows: permission denied")
        url, name = out.stdout.strip().split("\n")[-1], re.search(r"^lab (\S+):", out.stdout).group(1)
        visits = int(count(url, "select count(*) from visit"))
        assert 5000 < visits < 9500, visits
        # keys that are not masked are closed, those of several columns and to the table itself too; the masked one is named
        equal(count(url, "select string_agg(conname, ' ' order by conname) from pg_constraint where contype = 'f' and convalidated"), "part_a_b_fkey person_boss_fkey visit_person_fkey")
        contains(out.stderr, "visit_owner_ref_fkey")
        equal(count(url, "select count(*) from person where email !~ '^[a-z]+[0-9]+@[a-z]+[.][a-z]{3}$'"), "0")
        originals = set(lab.psql("select email from person union select name from person union select what from visit").split("\n"))
        masked = count(url, "select email from person union select name from person union select what from visit").split("\n")
        assert len(masked) > 1000 and len(originals & set(masked)) < 0.02 * len(masked), sorted(originals & set(masked))[:10]  # by chance, of so few figures
        equal(count(url, "select count(*) from person p where p.note <> 'note ' || p.id"), "0")  # what is not personal is as it was
        equal(count(url, "select count(*) from visit where owner_ref ~ '^user[0-9]+@example' or emails is not null or phone = 4930000000 + a * 10 + b or length(phone::text) <> 10"), "0")
        equal(count(url, "select count(*) from part where double <> id * 2 or tag !~ E'^[a-z]\\t'"), "0")
        run("lab", "stop", name)
        out = run("lab", "stand-in", lab.conninfo(), "--sample", "--no-mask", "--rows", "10%", "-q", "--pg-major", MAJOR)
        equal(out.returncode, 0)
        url, name = out.stdout.strip().split("\n")[-1], re.search(r"^lab (\S+):", out.stdout).group(1)
        equal(count(url, "select count(*) from pg_constraint where contype = 'f' and convalidated"), "4")
        equal(count(url, "select count(*) from person where email <> 'user' || id || '@example.com'"), "0")
        run("lab", "stop", name)
        for words, message in ((("lab", "stand-in", SHOP, "--sample", "--rows", "5%"), "rows of a live database"), (("lab", "stand-in", lab.conninfo(), "--sample"), "say how many"),
                               (("lab", "stand-in", lab.conninfo(), "--sample", "--rows", "5%", "--mask", "visit.wat"), 'did you mean "visit.what"'), (("lab", "stand-in", SHOP, "--mask", "a.b"), "go with --sample")):
            out = run(*words, "-q", "--pg-major", MAJOR)
            equal(out.returncode, 2)
            contains(out.stderr, message)
    finally:
        run("lab", "stop", "--all")
        lab.stop()


def lacking_extensions():
    sql = write("lacking.sql", "create extension citext; create table place (id int primary key, at citext not null, more citext[], name text); insert into place select i, 'p' || i, null, 'n' || i % 9 from generate_series(1, 5000) i; create index on place (at);")
    path = os.path.join(WORK, "lacking.json")
    equal(run("survey", sql, "--with-values", "-q", "-o", path).returncode, 0)
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("citext", "geometry").replace('"name": "geometry"', '"name": "postgis"')
    write("lacking.json", text)
    for command in (("lab", "twin"), ("lab", "stand-in"), ("capacity",)):
        out = run(*command, path, "-q", *(("--grow", "2x") if command == ("capacity",) else ()), "--pg-major", MAJOR)
        equal(out.returncode, 5)
        contains(out.stderr, "the lab lacks extensions of the subject: postgis; columns of their types: place.at (public.geometry), place.more (public.geometry) (hint: --stub")
    process, report = review(path)
    equal(process.returncode, 0)
    contains(process.stderr, "nothing could be proven: the lab lacks extensions")
    out = run("lab", "stand-in", path, "--stub", "-q", "--pg-major", MAJOR)
    equal(out.returncode, 0)
    contains(out.stderr, "text in the lab: place.at (public.geometry)")
    url, name = out.stdout.strip().split("\n")[-1], re.search(r"^lab (\S+):", out.stdout).group(1)
    done = subprocess.run([os.path.join(BIN, "psql"), "-XAtq", "-d", url, "-c", "select count(distinct at), count(*), count(more) from place"], encoding="utf-8", stdout=subprocess.PIPE, env=clean_env())
    run("lab", "stop", name)
    equal(done.stdout.strip(), "5000|5000|0")


def planned_at_its_size():
    """Beside what was measured on rows stands what a twin says; a drop that makes a statement dearer is not proposed."""
    lab = Lab()
    try:
        lab.psql("create table p (id int primary key); insert into p select generate_series(1, 2000);"
                 "create table t (id int primary key, p int references p, a int, b text);"
                 "insert into t select i, 1 + i % 2000, i % 500, repeat(md5(i::text), 8) from generate_series(1, 60000) i;"
                 "create index t_a on t (a); create index t_a_b on t (a, b); create index p_same on p (id); vacuum analyze")
        workload = write("planned.workload", "select count(*) from t where a between 10 and 90; select * from p where id = 5;")
        process, report = review(lab.conninfo(), "--workload", workload, "--pg-major", MAJOR)
        equal(process.returncode, 0)
        found = {f["object"]: f for f in report["findings"]}
        key = found["public.t(p)"]
        size, cost = key["planned"]
        equal((size["quantity"], cost["quantity"], cost["rows_origin"][:4], key["proof"]), ("size", "cost", "none", "proven"))
        built = int(lab.psql("create index built on t (p); select pg_relation_size('built')").strip().split("\n")[-1])
        assert abs(size["after"] / built - 1) < 0.05 and cost["after"] < cost["before"] / 10, (size, built, cost)
        contains(cost["rows"], "60 k rows")
        wide = found["public.t_a"]
        equal((wide["rejected"], wide["proof"][:41], wide.get("migration")), (True, "tried and rejected: in a twin of the subj", None))
        assert wide["planned"][0]["after"] > wide["planned"][0]["before"]
        narrow = found["public.p_same"]
        equal((narrow.get("rejected", False), narrow["proof"]), (False, "proven"))
    finally:
        lab.stop()


def growth():
    lab = Lab()
    try:
        lab.psql("create table p (id int primary key, born date); insert into p select i, '2020-01-01'::date + i from generate_series(1, 400) i;"
                 "create table t (id bigserial primary key, p int references p, at timestamptz not null, note text);"
                 "insert into t (p, at, note) select 1 + i % 400, '2026-01-01'::timestamptz + i * interval '1 minute', 'n' || i % 7 from generate_series(1, 2000) i;"
                 "create index on t (p); vacuum analyze")
        out = run("lab", "what-if", lab.conninfo(), "--grow", "200x", "select * from p where id = 7", "select count(*) from p", "--json", "-q", "--pg-major", MAJOR)
        equal(out.returncode, 0)
        answer = json.loads(out.stdout)
        equal([s.get("flips", False) for s in answer["statements"]], [True, False])
        contains(answer["statements"][0]["plan_before"], "Seq Scan")
        contains(answer["statements"][0]["plan"], "Index Scan")
        contains(answer["horizon"], "public.t 2000 -> 400 k rows")
        assert answer["statements"][1]["after"] > 50 * answer["statements"][1]["before"]
        out = run("lab", "what-if", lab.conninfo(), "--grow", "t=1000x", "create index on t (at)", "select * from t where at < '2026-01-01 03:00'", "--json", "-q", "--pg-major", MAJOR)
        statement = json.loads(out.stdout)["statements"][0]
        assert statement["used"] == ["t_at_idx"] and statement["after"] < statement["before"], statement
        # Rates come from two surveys: 1,000 rows in ten days.
        now, then = os.path.join(WORK, "now.json"), os.path.join(WORK, "then.json.gz")
        statements = write("flips.sql", "select * from p where id = 7; select count(*) from t;")
        equal(run("survey", lab.conninfo(), "-q", "--workload", statements, "-o", now).returncode, 0)
        with open(now, encoding="utf-8") as file:
            survey = json.load(file)
        survey["server"]["taken_at"] = "2026-06-11T00:00:00Z"
        survey["server"]["wal_bytes"] = survey["server"].get("wal_bytes", 0) + 10 << 30
        write("now.json", json.dumps(survey))
        survey["server"]["taken_at"], survey["server"]["wal_bytes"] = "2026-06-01T00:00:00Z", survey["server"]["wal_bytes"] - (5 << 30)
        for relation in survey["schema"]["relations"]:
            if relation["name"] == "t":
                relation["inserted"] -= 1000
        import gzip
        with gzip.open(then, "wt") as file:
            json.dump(survey, file)
        survey["server"]["database"] = "another"
        other = write("other.json", json.dumps(survey))
        out = run("capacity", now, "--since", then, "--at", "2026-09-09", "--json", "-q", "--pg-major", MAJOR)
        equal(out.returncode, 0)
        told = json.loads(out.stdout)
        rows = dict(zip([t["name"] for t in told["tables"]], told["horizons"][1]["rows"]))
        equal((rows["public.t"], rows["public.p"], told["wal_bytes_a_day"]), (11000, 400, (5 << 30) // 10))
        out = run("capacity", now, "--since", then, "-q", "--pg-major", MAJOR)
        contains(out.stdout, "365 days")
        contains(out.stdout, "rates of the last 10 days")
        out = run("lab", "twin", now, "--since", then, "--at", "90d", "-q", "--pg-major", MAJOR)
        contains(out.stdout, "public.t 2000 -> 11 k rows")
        for words, message in ((("capacity", now, "--grow", "0x"), "no factor"), (("capacity", now, "--grow", "tt=2"), 'no table "tt"'), (("capacity", now, "--at", "2020-01-01", "--since", then), "before the survey"),
                               (("capacity", now, "--at", "soon", "--since", then), "say a date"), (("capacity", now, "--since", now), "not older"), (("lab", "twin", now, "--since", then), "goes with --at"),
                               (("lab", "twin", now, "--at", "90d"), "younger than a day"), (("lab", "twin", now, "--at", "90d", "--grow", "2x"), "one of them"), (("capacity", now, "--grow", "2x", "--at", "1d"), "without --at"),
                               (("capacity", now, "--since", other), 'is of database "another"'), (("lab", "twin", now, "--since", other, "--at", "90d"), 'is of database "another"')):
            out = run(*words, "-q", "--pg-major", MAJOR)
            equal(out.returncode, 2)
            contains(out.stderr, message)
        for words, found in ((("--since", then, "--at", "900d"), []), (("--grow", "200x"), [("public.p: statement 1", "note", 1)])):
            process, report = review(now, *words, "--rule", "plan-flip", "--pg-major", MAJOR)
            assert process.returncode == 0, process.stderr
            equal([c["looked_at"] for c in report["checked"] if c["rule"] == "plan-flip"], [2])
            equal([(f["object"], f["severity"], len(f["planned"])) for f in report["findings"]], found)
        contains(report["findings"][0]["planned"][0]["repeat"], "--grow '200x'")
        for words, message in ((("--no-lab", "--grow", "10x"), "made in a lab"), (("--since", then), "goes with --at"), (("--grow", "10x", "--at", "1d"), "one of them")):
            out = run("review", now, *words, "-q", "--pg-major", MAJOR, "--out", os.path.join(WORK, "refused"))
            equal(out.returncode, 2)
            contains(out.stderr, message)
        process, report = review(os.path.join(ROOT, "examples/shop/01_schema.sql"), "--grow", "10x", "--rule", "plan-flip", "--pg-major", MAJOR)
        contains(report["unjudged"][0]["remedy"], "--workload")
        out = run("capacity", lab.conninfo(), "-q", "--pg-major", MAJOR)  # no rates: today alone
        equal(out.returncode, 0)
        contains(out.stderr, "no rates")
        contains(out.stdout, "public.t")
    finally:
        run("lab", "stop", "--all")
        lab.stop()


def what_if():
    out = run("lab", "what-if", SHOP, "create index on orders (status) include (total)", "drop index shop.customers_email_key", "-q", "--pg-major", MAJOR)
    equal((out.returncode, out.stderr), (0, ""))
    contains(out.stdout, "with orders_status_total_idx: 40 k rows")
    contains(out.stdout, "without shop.customers_email_key")
    contains(out.stdout, "7 statements, each once: cost")
    survey = os.path.join(WORK, "what-if.json")  # quicker than its rows
    equal(run("survey", SHOP, "--with-values", "-o", survey).returncode, 0)
    answer = json.loads(run("lab", "what-if", survey, "create index idea on orders (status)", "select count(*) from orders where status = 'cancelled'", "--json", "-q", "--pg-major", MAJOR).stdout)
    equal(answer["format"], "dbarch-what-if")
    statement = answer["statements"][0]
    assert statement["after"] < statement["before"] and statement["used"] == ["idea"], answer
    contains(statement["plan"], "idea")
    for words, message in (((survey,), "suppose something"), ((survey, "vacuum"), "not \"vacuum\""), ((survey, "create index on orders ("), "syntax error"), ((survey, "create index on orders (nope)"), 'column "nope" does not exist'),
                           ((survey, "drop index nope"), "drop index nope"), (("/nowhere", "create index on a (b)"), "no such file"), ((survey, "create unique index on orders (customer_id)"), "cannot be unique"),
                           ((survey, "create index on orders (status)", "select nope from orders"), 'column "nope" does not exist')):
        out = run("lab", "what-if", *words, "-q", "--pg-major", MAJOR)
        assert out.returncode in (2, 3), (words, out.returncode)
        contains(out.stderr, message)
    equal((servers(), lab_folders()), ([], []))


def stand_in():
    survey = os.path.join(WORK, "stand-in.json")
    equal(run("survey", SHOP, "--with-values", "-o", survey).returncode, 0)
    sums = "select sum(hashtext(t::text)::bigint) from shop.%s t"

    def build(*options):
        out = run("lab", "stand-in", survey, "-q", "--pg-major", MAJOR, *options)
        assert out.returncode == 0, out.stderr
        name, url = re.search(r"^lab (\S+):", out.stdout).group(1), out.stdout.strip().split("\n")[-1]
        ask = lambda sql: subprocess.run([os.path.join(BIN, "psql"), "-XAtq", "-d", url, "-c", sql], stdout=subprocess.PIPE, check=True, encoding="utf-8", env=clean_env()).stdout.strip()
        try:
            facts = [ask("select count(*) from shop.orders"), *[ask(sums % t) for t in ("orders", "customers", "order_items", "products")],
                     ask("select count(*) from pg_constraint where contype = 'f' and convalidated"), ask("select current_user"), ask("insert into shop.customers (email, full_name, country) values ('a@b', 'c', 'DE') returning id")]
        finally:
            run("lab", "stop", name)
        return facts, out

    first, out = build()
    equal(out.stderr, "")
    second, _ = build()
    equal(first, second)  # of the seed, nothing else
    equal((first[0], first[-2], first[-1]), ("40000", "dbarch_subject", "10001"))
    other, _ = build("--seed", "2")
    assert first[1] != other[1] and first[0] == other[0] and first[5] == other[5]
    small, out = build("--rows", "10%")
    equal(small[0], "4000")
    contains(out.stdout, "10%")
    for options, message in ((("--rows", "10"), "10%"), (("--rows", "-1%"), "share"), (("--rows", "101%"), "share"), (("--size", "much"), "500MB"), (("--rows", "1%", "--size", "5MB"), "name one"), (("--seed", "x"), "no number")):
        out = run("lab", "stand-in", survey, "-q", *options)
        equal(out.returncode, 2)
        contains(out.stderr, message)
    with open(survey, encoding="utf-8") as file:
        claims = json.load(file)
    for relation in claims["schema"]["relations"]:
        relation["rows"] = 1e15
    claims = write("claims.json", json.dumps(claims))
    out = run("lab", "stand-in", claims, "-q")
    equal(out.returncode, 5)
    contains(out.stderr, "hint: --size 5GB")
    process = subprocess.Popen([DBARCH, "lab", "stand-in", claims, "--size", "2GB"], env=clean_env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    equal(process.returncode, 130)
    equal((servers(), lab_folders()), ([], []))


HALF, turn = os.environ.get("TEST_HALF"), 0  # "1" or "2": every other test, so that two processes share them
everything = test


def test(name, function):
    global turn
    turn += 1
    chosen = any(part in name for part in sys.argv[1:]) if len(sys.argv) > 1 else not HALF or str(1 + turn % 2) == HALF
    if chosen:
        everything(name, function)


test("receipts from statistics", receipts_from_statistics)
test("load: clients and a change", load)
test("sample: the subject's rows, masked", sample)
test("extensions that the lab lacks", lacking_extensions)
test("planned at the subject's own size", planned_at_its_size)
test("stand-in: checks and sequences", checks_and_sequences)
test("growth and capacity", growth)
test("what-if", what_if)
test("stand-in", stand_in)
test("lab run", lab_run)
test("lab, several at once", lab_several)
test("lab extensions and privacy", lab_extensions)
test("lab swept after SIGKILL", lab_sweeps_after_sigkill)
test("nothing left after SIGINT", lab_ends_on_sigint)
test("SIGINT keeps what was proven", keeps_what_was_proven_until_sigint)
for label, (sql, named) in HOSTILE.items():
    test("hostile: " + label, lambda: hostile(sql, named))
test("review of the shop", review_shop)
test("its migrations run in psql, up and down", migrations_run_in_psql)
test("review of a live database, iron law 6", review_live_and_law_6)
test("survey: offline, values left out, few rights", survey_offline_and_few_rights)
test("pg_dump files", pg_dump_loads)
write("broken.sql", "create table a (id int);\ncreate table b (id int,\n  x itn eger);\n")
write("open.sql", "select 'never closed;\n")
write("unknown.sql", "create table b (a int references nowhere);\n")
write("empty.sql", "")
write("notasurvey.json", '{"format": "other"}')
write("brokensurvey.json", '{"format": "dbarch-survey",\n "format_version": }')
write("futuresurvey.json", '{"format": "dbarch-survey", "format_version": 99}')
write("sub/none.txt", "")
write("zero.sql", "create table t (id int -- x \0 y\n, b int);")
write("copyrow.sql", "create table t (id int);\ncopy t from stdin;\n1\nx\n\\.\n")
write("role.sql", "create role dbarch;")
for label, arguments, code, *parts in [
    ("syntax error", ["review", "broken.sql"], 3, "broken.sql:3:9: syntax error", "^"),
    ("open string", ["review", "open.sql"], 3, "open.sql:1:8: a string is not closed", "^"),
    ("unknown table", ["review", "unknown.sql"], 3, 'unknown.sql:1:1: relation "nowhere" does not exist'),
    ("no such file", ["review", "nowhere.sql"], 2, "no such file"),
    ("no subject", ["review"], 2, "for example"),
    ("empty folder", ["review", "sub"], 3, "no .sql file"),
    ("unreachable server", ["review", "host=127.0.0.1 port=1 dbname=x connect_timeout=2"], 4, "refused"),
    ("malformed URI", ["review", "postgresql://user:hunter2@[::1/x"], 2, "malformed"),
    ("unknown verb", ["reveiw"], 2, 'did you mean "review"'),
    ("unknown option", ["review", "--foce"], 2, "did you mean --force"),
    ("unknown rule", ["review", "--rule", "fk-without-indx", "x.sql"], 2, 'did you mean "fk-without-index"'),
    ("a rule like no other", ["review", "--rule", "zzz", "x.sql"], 2, "there are: fk-without-index, "),
    ("a bare @ in a password", ["review", "postgresql://u:s3cr@t@127.0.0.1:1/x"], 2, "malformed"),
    ("a bare / in a password", ["review", "postgresql://u:s3c/ret@127.0.0.1:1/x"], 2, "malformed"),
    ("a pipe", ["review", "/dev/stdin", "--as", "sql"], 3, "is no regular file"),
    ("an empty option", ["review", "x.sql", "--out", ""], 2, "--out"),
    ("a zero byte in a comment", ["review", "zero.sql"], 3, "zero.sql:1:29: a zero byte"),
    ("a row of COPY", ["review", "copyrow.sql"], 3, "copyrow.sql:4:1: COPY: "),
    ("a role that is ours", ["review", "role.sql"], 3, "role.sql:1:1: "),
    ("option of another verb", ["survey", "--rule", "key-overflow"], 2, "takes no --rule"),
    ("option of another word", ["migrate", "up", "--clients", "3"], 2, "migrate up takes no --clients (rehearse)"),
    ("a word without such formats", ["migrate", "status", "--format", "md"], 2, "the formats of migrate status are tty and json"),
    ("help for a word that is none", ["migrate", "nosuch", "--help"], 2, "migrate has no \"nosuch\""),
    ("no tries", ["migrate", "up", "--tries", "0"], 2, "--tries 0: say 1 to 1000"),
    ("bad wait", ["migrate", "up", "--wait", "long"], 2, "--wait long"),
    ("bad budget", ["review", "x.sql", "--budget", "soon"], 2, "--budget"),
    ("bad format", ["review", "x.sql", "--format", "xml"], 2, "--format"),
    ("not a survey", ["review", "notasurvey.json"], 3, "is no survey"),
    ("broken JSON", ["review", "brokensurvey.json"], 3, "brokensurvey.json:2:"),
    ("a newer survey", ["review", "futuresurvey.json"], 3, "format 99"),
    ("two subjects", ["review", "a.sql", "b.sql"], 2, "one subject"),
    ("lab without a word", ["lab"], 2, "start"),
]:
    test("bad input: " + label, bad(arguments, code, *parts))
test("bad input: missing value", missing_value)
test("an empty file", lambda: equal(review(os.path.join(WORK, "empty.sql"))[1]["verdict"], "nothing to look at: no table and no view"))
test("odd names", odd_names)
test("1,600 columns", wide_table)
test("cycles, views on views, no columns", cycles_and_views)
test("the environment does not reach the lab", lab_ignores_the_environment)
test("owners and settings inside a transaction", owners_inside_a_transaction)
test("what a subject leaves behind gains no power", stays_powerless)
test("surveys hold schemas only", surveys_are_schemas_only)
test("redaction of hostile surveys", redaction_of_hostile_surveys)
test("--out keeps what is not ours", out_folder_keeps_what_is_not_ours)
test("a run that was cut is gone on with; --receipts", goes_on_from_where_it_was_cut)
test("--object", one_object)
test("allowances without effect", idle_allowances)
test("includes and conditions", includes_and_conditions)
test("endless code ends at the budget", endless_code_ends_at_the_budget)
test("SIGINT during COPY", interrupted_copy)
test("lab run hands signals on", lab_run_hands_signals_on)
test("lab psql takes psql's options", lab_psql)
test("a lab that dies", lab_that_dies)
test("foreign keys: deferred, to themselves, guarded", foreign_keys_measured_right)
test("statistics of expressions", expression_statistics)
test("a partitioned index that lacks parts", incomplete_partitioned_index)
test("an extension in a schema of its transaction", extension_in_its_own_schema)
test("invalid indexes", invalid_indexes)
test("unused indexes", unused_indexes)
test("probes leave unused indexes unused", probes_leave_unused_indexes_unused)
test("probes run nothing of the subject's", probes_run_nothing_foreign)
test("an empty database", empty_database)
test("tables dropped while being read", dropped_while_read)
test("a server that dies", server_dies)
test("a locked table is a gap", locked_table_is_a_gap)
test("passwords are never echoed", wrong_password)
test("started under nice", niced)
test("missing binaries, unusable folder, full disk", disk_and_folders)
test("dbarch.yaml", configuration)
test("--fail-on and CI", fail_on)
test("same bytes for the same input", same_bytes)
everything("nothing is left running", lambda: equal((servers(), lab_folders()), ([], [])))
finish()
