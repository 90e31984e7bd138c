#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""dbarch migrate up, down, status on a target: a lab that stands for one.  Faults: the runner killed at every statement, the server killed, connections cut, locks held,
deadlocks, a second runner, edited files, missing rights, a read-only target.  After each the target is before or after a migration, or at a step that status names."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import DBARCH, WORK, clean_env, contains, equal, finish, run, test, write  # noqa: E402
from target import CACHE, MAJOR, Target  # noqa: E402

OVERRIDE = ("--override", "rehearsal=a test", "--no-lab")


TARGET = Target()
# A transaction that is old enough for "long transaction is told" by the time that this runs, behind the others.
LONG = TARGET.database()
HOLDER, HELD_SINCE = TARGET.session(LONG), time.time()
HOLDER.stdin.write("begin; select pg_current_xact_id();\n")
HOLDER.stdin.flush()
FILES = {
    "001_a.up.sql": "create table a (id int primary key, n int);\ninsert into a select i, i from generate_series(1, 500) i;\n", "001_a.down.sql": "drop table a;\n",
    "002_b.up.sql": "-- dbarch: transaction=off\ncreate index concurrently a_n on a (n);\nalter table a add x int;\nupdate a set x = n;\n",
    "002_b.down.sql": "-- dbarch: transaction=off\nalter table a drop x;\ndrop index concurrently a_n;\n",
    "003_c.up.sql": "create view v as select id from a;\n", "003_c.down.sql": "drop view v;\n",
}


def folder(name, files):
    shutil.rmtree(os.path.join(WORK, name), ignore_errors=True)
    for file, text in files.items():
        write(os.path.join(name, file), text)
    return os.path.join(WORK, name)


def migrate(word, path, database, *options, user="dbarch", **more):
    done = run("migrate", word, path, "-d", TARGET.conninfo(database, user), *options, **more)
    if os.environ.get("SHOW"):
        print("#", word, done.returncode, done.stderr)
    return done


def up(path, database, *options, **more):
    return migrate("up", path, database, *OVERRIDE, *options, **more)


LET_GO = [word for name in ("public.a", "public.big", "public.t", "public.a.x") for word in ("--confirm", name)] + ["--override", "backup=a test"]


def undone(path, database, *options, **more):
    """With a word for what these tests make and drop."""
    return migrate("down", path, database, *LET_GO, *options, **more)


def status(path, database):
    process = migrate("status", path, database, "--json")
    equal(process.returncode, 0)
    return {m["migration"]: m for m in json.loads(process.stdout).get("migrations", [])}


def states(path, database):
    return [m["state"] for m in status(path, database).values()]


# ---- the plain way --------------------------------------------------------------------------------------------------

def plain():
    path, database = folder("plain", FILES), TARGET.database()
    equal(states(path, database), ["pending"] * 3)
    equal(TARGET.psql(database, "select count(*) from pg_namespace where nspname = 'dbarch'"), "0")  # status only reads
    TARGET.psql(database, "create table theirs (a int)")
    refused = migrate("up", path, database)
    equal(refused.returncode, 6)
    contains(refused.stderr, "(iron law 4):\n  001_a: it was not rehearsed on production-like data")
    done = up(path, database)
    equal(done.returncode, 0)
    contains(done.stdout, "3 migrations were applied")
    contains(done.stderr, "applied 002_b")
    equal(states(path, database), ["applied"] * 3)
    first = status(path, database)["001_a"]
    equal((first["override"], first["applied_by"]), ("a test", "dbarch"))
    assert first["duration_ms"] > 0
    equal([migrate("status", path, database, "--exit-code").returncode, migrate("status", folder("plain", dict(FILES, **{"004_d.up.sql": "select 1;"})), database, "--exit-code").returncode], [0, 1])
    folder("plain", FILES)
    contains(up(path, database).stdout, "nothing is pending")
    equal(migrate("redo", path, database, *OVERRIDE).returncode, 0)
    first_undo = undone(path, database)
    equal((first_undo.returncode, first_undo.stderr if first_undo.returncode else ""), (0, ""))
    equal(states(path, database), ["applied", "applied", "pending"])
    equal(undone(path, database, "--to", "001").returncode, 0)
    equal(states(path, database), ["applied", "pending", "pending"])
    equal(up(path, database, "--to", "2").returncode, 0)
    equal(states(path, database), ["applied", "applied", "pending"])
    for _ in range(2):
        equal(undone(path, database).returncode, 0)
    contains(undone(path, database).stdout, "nothing to undo")
    equal(TARGET.psql(database, "select string_agg(relname, ' ') from pg_class where relnamespace = 'public'::regnamespace"), "theirs")


def groups():
    """down undoes what belongs together; --to says otherwise."""
    files = {"001_a.up.sql": "create table a (id int);\n", "001_a.down.sql": "drop table a;\n"}
    for number in (2, 3):
        files["00%d_b.up.sql" % number] = "-- dbarch: group=b\ncreate table b%d (id int);\n" % number
        files["00%d_b.down.sql" % number] = "drop table b%d;\n" % number
    path, database = folder("groups", files), TARGET.database()
    equal(up(path, database).returncode, 0)
    contains(undone(path, database).stdout, "2 migrations were undone")
    equal(states(path, database), ["applied", "pending", "pending"])
    equal(up(path, database).returncode, 0)
    contains(undone(path, database, "--to", "002").stdout, "1 migration was undone")
    equal(up(path, database).returncode, 0)
    equal(migrate("redo", path, database, *OVERRIDE, *LET_GO).returncode, 0)
    equal(states(path, database), ["applied"] * 3)


def all_or_nothing():
    files = dict(FILES, **{"004_d.up.sql": "create table d (id int);\ninsert into d values (1);\nselect 1 / 0;\n", "004_d.down.sql": "drop table d;\n"})
    path, database = folder("nothing", files), TARGET.database()
    process = up(path, database)
    equal(process.returncode, 3)
    contains(process.stderr, "up of 004_d: ")
    contains(process.stderr, "004_d.up.sql:3:")
    contains(process.stderr, "division by zero")
    equal(states(path, database), ["applied"] * 3 + ["pending"])
    equal(TARGET.psql(database, "select to_regclass('d') is null"), "t")


def copied():
    files = {"001_a.up.sql": "create table a (id int, t text);\ncopy a from stdin;\n1\tone\n2\ttwo\n\\.\nupdate a set t = upper(t);\n", "001_a.down.sql": "drop table a;\n",
             "002_s.up.sql": "set search_path = pg_catalog;\nset role none;\ncreate table public.b (id int);\n", "002_s.down.sql": "drop table b;\n"}
    path, database = folder("copied", files), TARGET.database()
    equal(up(path, database).returncode, 0)
    equal(TARGET.psql(database, "select string_agg(t, ',' order by id) from a"), "ONE,TWO")
    equal(states(path, database), ["applied"] * 2)


# ---- refused --------------------------------------------------------------------------------------------------------

def refused():
    path, database = folder("refused", {"001_a.up.sql": "create table a (id int);\n", "002_b.up.sql": "create table b (id int);\n", "002_b.down.sql": "drop table b;\n"}), TARGET.database()
    process = up(path, database)
    equal(process.returncode, 6)
    contains(process.stderr, "001_a has no undo")
    equal(states(path, database), ["pending"] * 2)
    equal(up(path, database, "--override", "undo=").returncode, 2)
    contains(up(path, database, "--override", "undoo=x").stderr, "what can be overridden")
    write("refused/001_a.down.sql", "-- to be written\n")
    contains(up(path, database).stderr, "001_a has no undo")  # comments undo nothing
    os.unlink(os.path.join(path, "001_a.down.sql"))
    equal(up(path, database, "--override", "undo=a test").returncode, 0)
    contains(undone(path, database).stdout, "1 migration was undone")
    equal(undone(path, database).returncode, 6)
    write("refused/001_a.up.sql", "create table a (id bigint);\n")
    equal(states(path, database), ["edited", "pending"])
    process = up(path, database)
    equal(process.returncode, 6)
    contains(process.stderr, "001_a was edited after it was run here")
    os.unlink(os.path.join(path, "001_a.up.sql"))
    equal(states(path, database), ["pending", "file missing"])
    contains(up(path, database).stderr, "001_a was run here, and its file is not in")
    write("refused/002_c.up.sql", "select 1;\n")
    write("refused/002_c.down.sql", "select 1;\n")
    contains(up(path, database).stderr, "has its number too")


def line_ends():
    """A checkout with other line ends is no edit."""
    path, database = folder("lines", {"001_a.up.sql": "create table a (\n  id int\n);\n", "001_a.down.sql": "drop table a;\n"}), TARGET.database()
    equal(up(path, database).returncode, 0)
    write("lines/001_a.up.sql", "\ufeffcreate table a (\r\n  id int\r\n);\r\n")
    equal(states(path, database), ["applied"])


def late():
    path, database = folder("late", {"001_a.up.sql": "create table a (id int);\n", "001_a.down.sql": "drop table a;\n", "003_c.up.sql": "create table c (id int);\n", "003_c.down.sql": "drop table c;\n"}), TARGET.database()
    equal(up(path, database).returncode, 0)
    write("late/002_b.up.sql", "create table b (id int);\n")
    write("late/002_b.down.sql", "drop table b;\n")
    equal(states(path, database), ["applied", "out of order", "applied"])
    contains(migrate("status", path, database).stdout, "another branch had it")
    process = up(path, database)
    equal(process.returncode, 0)
    contains(process.stderr, "002_b is older than what was run here already")
    equal(undone(path, database).returncode, 0)
    equal(states(path, database), ["applied", "out of order", "applied"])  # the last that was run goes first


def baseline():
    path, database = folder("base", FILES), TARGET.database()
    TARGET.psql(database, FILES["001_a.up.sql"])
    equal(migrate("baseline", path, database).returncode, 2)
    contains(migrate("baseline", path, database, "--to", "001").stdout, "1 migration was written down")
    equal(status(path, database)["001_a"]["taken_from"], "baseline")
    equal(up(path, database).returncode, 0)
    equal(states(path, database), ["applied"] * 3)


def taken_over(tool):
    path, database = folder("taken", FILES), TARGET.database()
    TARGET.psql(database, FILES["001_a.up.sql"])
    if tool == "dbmate":
        TARGET.psql(database, "create table schema_migrations (version varchar primary key); insert into schema_migrations values ('001')")
    else:
        TARGET.psql(database, "create table schema_migrations (version bigint not null primary key, dirty boolean not null); insert into schema_migrations values (1, false)")
    equal(states(path, database), ["applied", "pending", "pending"])
    contains(migrate("status", path, database).stdout, "(as %s says)" % tool)
    equal(up(path, database).returncode, 0)
    theirs = "select string_agg(version::text, ',' order by version) from schema_migrations"
    equal(TARGET.psql(database, theirs), "001,002,003" if tool == "dbmate" else "3")
    equal(undone(path, database).returncode, 0)
    equal(TARGET.psql(database, theirs), "001,002" if tool == "dbmate" else "2")
    TARGET.psql(database, "set search_path = public;" + FILES["003_c.up.sql"] + ("insert into schema_migrations values ('003')" if tool == "dbmate" else "update schema_migrations set version = 3"))
    equal(states(path, database), ["applied"] * 3)  # the other tool went on by itself
    contains(up(path, database).stdout, "nothing is pending")
    equal(undone(path, database, "--to", "001").returncode, 0)
    equal(TARGET.psql(database, theirs), "001" if tool == "dbmate" else "1")
    if tool != "dbmate":
        TARGET.psql(database, "drop schema dbarch cascade; update schema_migrations set dirty = true")
        contains(up(path, database).stderr, "half done (dirty)")


def rights():
    path, database = folder("rights", FILES), TARGET.database()
    TARGET.psql(database, "create role nobody_much login; grant connect on database %s to nobody_much" % database)
    process = migrate("up", path, database, *OVERRIDE, user="nobody_much")
    assert process.returncode not in (0, 70), process.returncode
    contains(process.stderr, "permission denied")
    TARGET.psql(database, "alter database %s set default_transaction_read_only = on" % database)
    process = up(path, database)
    assert process.returncode not in (0, 70), process.returncode
    contains(process.stderr, "read-only transaction")
    equal(states(path, database), ["pending"] * 3)


# ---- others at work -------------------------------------------------------------------------------------------------

def second_runner():
    path, database = folder("second", dict(FILES, **{"001_a.up.sql": FILES["001_a.up.sql"] + "select pg_sleep(1.5);\n"})), TARGET.database()
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(up(path, database))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal([o.returncode for o in outcomes], [0, 0, 0])
    equal(sorted("nothing" in o.stdout for o in outcomes), [False, True, True])
    equal(states(path, database), ["applied"] * 3)
    # A runner on another database is not the one that is waited for.
    other, third = TARGET.database(), TARGET.database()
    holders = [TARGET.session(name) for name in (other, third)]
    for holder in holders:
        holder.stdin.write("select pg_advisory_lock(1684169825, hashtext(current_database())), pg_backend_pid();\n")
        holder.stdin.flush()
    pids = [holder.stdout.readline().strip().strip("|") for holder in holders]
    runners = [subprocess.Popen([DBARCH, "migrate", "up", path, "-d", TARGET.conninfo(name), *OVERRIDE], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                encoding="utf-8", env=clean_env(), cwd=WORK) for name in (other, third)]
    told = [next((line for line in runner.stderr if "at work" in line), "") for runner in runners]
    for process in holders + runners:
        process.communicate(timeout=30)
    equal([runner.returncode for runner in runners], [0, 0])
    for line, pid in zip(told, pids):
        contains(line, "another runner is at work (process %s): waiting" % pid)
    holder = TARGET.session(other)
    holder.stdin.write("select pg_advisory_lock(1684169825, hashtext(current_database())), 'held';\n")
    holder.stdin.flush()
    holder.stdout.readline()
    refused = up(path, other, "--wait", "0.3")
    holder.communicate()
    equal(refused.returncode, 6)
    contains(refused.stderr, "0.3 s")


def lock_storm():
    """A lock that others hold is tried for again, and the queue behind us never lasts longer than lock_timeout."""
    path, database = folder("storm", FILES), TARGET.database()
    equal(up(path, database, "--to", "001").returncode, 0)
    files = dict(FILES, **{"002_b.up.sql": "alter table a add x int;\nalter table a add y int;\n", "002_b.down.sql": "alter table a drop x, drop y;\n"})
    path = folder("storm", files)
    holder = TARGET.session(database)
    holder.stdin.write("begin; lock table a in access share mode; select 'held';\n")
    holder.stdin.flush()
    holder.stdout.readline()
    timer = threading.Timer(2.0, lambda: (holder.stdin.write("commit;\n"), holder.stdin.flush()))
    timer.start()
    process = up(path, database, "--lock-timeout", "0.2")
    equal(process.returncode, 0)
    contains(process.stderr, "a lock was not to be had; try 2 of 10")
    equal(states(path, database), ["applied"] * 3)
    holder.communicate()
    holder = TARGET.session(database)
    holder.stdin.write("begin; lock table a; select 'held';\n")
    holder.stdin.flush()
    holder.stdout.readline()
    write("storm/004_d.up.sql", "alter table a add z int;\n")
    write("storm/004_d.down.sql", "alter table a drop z;\n")
    process = up(path, database, "--lock-timeout", "0.02", timeout=120)
    assert process.returncode not in (0, 70), process.returncode
    contains(process.stderr, "lock timeout")
    contains(process.stderr, "try 10 of 10")
    equal(status(path, database)["004_d"]["state"], "pending")
    holder.communicate("rollback;\n")


def deadlock():
    path, database = folder("deadlock", FILES), TARGET.database()
    TARGET.psql(database, "create table p (id int); create table q (id int); alter system set deadlock_timeout = '100ms'; select pg_reload_conf()")
    path = folder("deadlock", {"001_x.up.sql": "alter table p add x int;\nselect pg_sleep(1);\nalter table q add x int;\n", "001_x.down.sql": "alter table p drop x; alter table q drop x;\n"})
    client = TARGET.session(database)
    client.stdin.write("set deadlock_timeout = '60s'; begin; lock table q in access exclusive mode; select 'held';\n")
    client.stdin.flush()
    client.stdout.readline()
    threading.Timer(0.5, lambda: (client.stdin.write("lock table p in access exclusive mode; commit;\n"), client.stdin.flush())).start()
    process = up(path, database, "--lock-timeout", "20")
    client.communicate()
    equal(process.returncode, 0)
    contains(process.stderr, "a deadlock; try 2 of 10")
    equal(states(path, database), ["applied"])
    TARGET.psql(database, "alter system reset deadlock_timeout; select pg_reload_conf()")


def long_transaction_is_told():
    time.sleep(max(0, 31 - (time.time() - HELD_SINCE)))
    process = up(folder("long", {"001_a.up.sql": "create table a (id int);\n", "001_a.down.sql": "drop table a;\n"}), LONG)
    HOLDER.communicate("rollback;\n")
    equal(process.returncode, 0)
    contains(process.stderr, "has had a transaction open for")


# ---- cut ------------------------------------------------------------------------------------------------------------

def thirty():
    """Thirty statements, each of which leaves a mark once; some that no transaction takes."""
    lines = ["-- dbarch: transaction=off", "create table marks (n int);", "create table big (id int, n int);", "insert into big select i, i from generate_series(1, 2000) i;"]
    for n in range(1, 10):
        lines.append("insert into marks values (%d);" % n)
        lines.append("create index concurrently big_%d on big (n);" % n)
        lines.append("alter table big add c%d int;" % n)
    return "\n".join(lines) + "\n"


CHECK = ("select (select count(*) from marks), (select count(distinct n) from marks), (select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname ~ '^big_' and indisvalid),"
         " (select count(*) from pg_index where not indisvalid), (select count(*) from pg_attribute where attrelid = 'big'::regclass and attname ~ '^c[0-9]')")

BEGUN = ("select case when to_regclass('dbarch.migrations') is not null then"
         " substring(query_to_xml('select max(begun) as b from dbarch.migrations', true, false, '')::text from '<b>([0-9]+)</b>') end;\n")


def killed_everywhere():
    """kill -9 of the runner when the server has begun its n-th statement, for every n; then up goes on, and everything is there once."""
    files = {"001_t.up.sql": thirty(), "001_t.down.sql": "drop table marks, big;\n"}
    path = folder("thirty", files)
    stops = set()
    for n in range(1, 31):
        database = TARGET.database()
        watcher = TARGET.session(database)
        runner = subprocess.Popen([DBARCH, "migrate", "up", path, "-q", "-d", TARGET.conninfo(database), *OVERRIDE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=clean_env(), cwd=WORK)
        deadline = time.time() + 20
        reached = ""
        while time.time() < deadline and runner.poll() is None and not (reached.isdigit() and int(reached) >= n):
            watcher.stdin.write(BEGUN)
            watcher.stdin.flush()
            reached = watcher.stdout.readline().strip()
        runner.send_signal(signal.SIGKILL)
        runner.wait()
        watcher.communicate()
        for _ in range(200):
            if TARGET.psql(database, "select count(*) from pg_stat_activity where application_name = 'dbarch migrate' and datname = current_database()") == "0":
                break
            time.sleep(0.05)
        told = status(path, database).get("001_t", {})
        if told.get("state") == "stopped":
            stops.add(told.get("done", 0))
            contains(told["what_to_do"], "migrate up goes on from there")
        process = up(path, database)
        equal(process.returncode, 0)
        equal(TARGET.psql(database, CHECK), "9|9|9|0|9")
        equal(states(path, database), ["applied"])
        TARGET.psql("postgres", "drop database %s with (force)" % database)
    print("    stopped after %d different statements" % len(stops))
    assert len(stops) >= 10, stops


def invalid_index():
    """An index that could not be built is dropped before it is tried again."""
    files = {"001_a.up.sql": "create table a (id int);\ninsert into a values (1), (1);\n", "001_a.down.sql": "drop table a;\n",
             "002_b.up.sql": "create unique index concurrently a_id on a (id);\n", "002_b.down.sql": "drop index concurrently a_id;\n"}
    path, database = folder("invalid", files), TARGET.database()
    process = up(path, database)
    assert process.returncode not in (0, 70), process.returncode
    contains(process.stderr, "could not create unique index")
    equal(states(path, database), ["applied", "stopped"])
    equal(TARGET.psql(database, "select count(*) from pg_index where not indisvalid"), "1")
    TARGET.psql(database, "delete from a where ctid = (select max(ctid) from a)")
    process = up(path, database)
    equal(process.returncode, 0)
    contains(process.stderr, "was left invalid by what was cut")
    equal(TARGET.psql(database, "select count(*) from pg_index where not indisvalid"), "0")
    equal(undone(path, database).returncode, 0)
    database = TARGET.database()
    contains(run("migrate", "up", folder("unnamed", {"001_a.up.sql": "create index concurrently on a (id);\n", "001_a.down.sql": "select 1;\n"}), "-d", TARGET.conninfo(database), *OVERRIDE).stderr,
             "give the index a name")


def own_transactions():
    files = {"001_a.up.sql": "begin;\ncreate table a (id int);\ncommit;\nbegin;\ninsert into a values (1);\ninsert into a values (2);\ncommit;\nbegin;\ndelete from a;\nrollback;\ncreate index concurrently a_id on a (id);\n",
             "001_a.down.sql": "drop table a;\n"}
    path, database = folder("own", files), TARGET.database()
    process = up(path, database)
    equal(process.returncode, 0)
    equal(TARGET.psql(database, "select count(*), (select count(*) from pg_class where relname = 'a_id') from a"), "2|1")
    equal(undone(path, database).returncode, 0)


def server_killed():
    """The server dies in the middle; when it is back, up goes on."""
    path, database = folder("crash", {"001_t.up.sql": thirty() + "select pg_sleep(3);\n", "001_t.down.sql": "drop table marks, big;\n"}), TARGET.database()
    runner = subprocess.Popen([DBARCH, "migrate", "up", path, "-q", "-d", TARGET.conninfo(database), *OVERRIDE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                              env=clean_env(), cwd=WORK)
    time.sleep(0.5)
    pid = TARGET.psql(database, "select pid from pg_stat_activity where application_name = 'dbarch migrate'")
    os.kill(int(pid.split("\n")[0]), signal.SIGKILL)  # a backend that dies takes the server through recovery
    _, told = runner.communicate()
    equal(runner.returncode, 4)
    for _ in range(100):
        if TARGET.psql("postgres", "select 1", check=False) == "1":
            break
        time.sleep(0.1)
    equal(states(path, database), ["stopped"])
    equal(up(path, database).returncode, 0)
    equal(TARGET.psql(database, CHECK), "9|9|9|0|9")


class Proxy:
    """Hands on what a client sends, and cuts the connection when it has sent so many messages."""

    def __init__(self, host, trips):
        self.folder = tempfile.mkdtemp(prefix="dbarch-proxy-", dir="/tmp")
        self.host, self.left, self.cut = host, trips, False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, ".s.PGSQL.5432"))
        self.listener.listen(4)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(os.path.join(self.host, ".s.PGSQL.5432"))
            threading.Thread(target=self.hand_on, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self.hand_on, args=(server, client, False), daemon=True).start()

    def hand_on(self, source, sink, counted):
        try:
            while data := source.recv(1 << 16):
                if counted:
                    self.left -= 1
                    if self.left < 0:
                        self.cut = True
                        break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def cut_at_every_round_trip():
    """The connection breaks before the n-th message of the runner, for every n: the next run leaves everything there, once."""
    files = dict(FILES)
    files["002_b.up.sql"] = "-- dbarch: transaction=off\ncreate index concurrently a_n on a (n);\nalter table a add x int;\nupdate a set x = coalesce(x, 0) + n;\n"
    path, trips, cuts, states_seen = folder("trips", files), 0, 0, set()
    while True:
        database = TARGET.database()
        proxy = Proxy(TARGET.host, trips)
        out = run("migrate", "up", path, "-d", "host=%s port=5432 user=dbarch dbname=%s" % (proxy.folder, database), *OVERRIDE, "-q")
        proxy.close()
        for _ in range(100):  # the server notices that nobody is there
            if TARGET.psql("postgres", "select count(*) from pg_stat_activity where datname = '%s'" % database) == "0":
                break
            time.sleep(0.02)
        if not proxy.cut:
            equal(out.returncode, 0)
            break
        cuts += 1
        told = states(path, database)
        assert out.returncode in (3, 4) or set(told) == {"applied"}, (trips, out.returncode, out.stderr)  # its last word is a farewell
        states_seen.add(tuple(told))
        assert all(state in ("applied", "pending", "stopped") for state in told), told
        again = up(path, database)
        equal((again.returncode, again.stderr if again.returncode else ""), (0, ""))
        equal(TARGET.psql(database, "set search_path = public; select count(*), sum(n), sum(x) from a; select count(*) from v; select count(*) from pg_index where not indisvalid; select count(*) from dbarch.migrations where state = 'applied'"),
              "500|125250|125250\n500\n0\n3")
        TARGET.psql("postgres", "drop database %s with (force)" % database)
        trips += 1
    print("    %d cuts, %d different states" % (cuts, len(states_seen)))
    assert cuts > 25 and len(states_seen) >= 5, (cuts, states_seen)


def full_disk():
    """The target's disk fills in the middle of a migration: nothing of it is left, and with room it goes through."""
    disk = os.path.join(WORK, "disk")
    os.makedirs(disk)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", disk], check=True)
    try:
        os.symlink(os.path.join(CACHE, "runtime"), os.path.join(disk, "runtime"))
        env = clean_env(DBARCH_CACHE=disk)
        out = run("lab", "start", "--pg-major", MAJOR, env=env)
        assert out.returncode == 0, out.stderr
        host = re.search(r"host=([^&]+)", out.stdout.strip().split("\n")[-1]).group(1).replace("%2F", "/")
        conninfo = "host=%s port=5432 user=dbarch dbname=lab" % host
        path = folder("disk-full", {"001_a.up.sql": "create unlogged table a (id int, t text);\n", "001_a.down.sql": "drop table a;\n",
                                    "002_fill.up.sql": "insert into a select i, repeat('x', 500) from generate_series(1, 800000) i;\ncreate index a_id on a (id);\n", "002_fill.down.sql": "drop index a_id;\ndelete from a where true;\n"})
        full = run("migrate", "up", path, "-d", conninfo, *OVERRIDE, "-q")
        equal(full.returncode, 3)
        contains(full.stderr, "No space left on device")
        status_now = json.loads(run("migrate", "status", path, "-d", conninfo, "--json").stdout)
        equal([m["state"] for m in status_now["migrations"]], ["applied", "pending"])
        subprocess.run(["mount", "-o", "remount,size=2g", disk], check=True)
        done = run("migrate", "up", path, "-d", conninfo, *OVERRIDE, "-q")
        equal((done.returncode, done.stderr if done.returncode else ""), (0, ""))
        run("lab", "stop", "--all", env=env)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


for name, function in list(globals().items()):
    if callable(function) and getattr(function, "__module__", "") == "__main__" and name not in ("folder", "migrate", "up", "status", "states", "thirty", "taken_over", "Target", "undone", "Proxy") \
            and (not sys.argv[1:] or any(word in name for word in sys.argv[1:])):
        test("run: " + name.replace("_", " "), function)
for tool in ("dbmate", "golang-migrate"):
    if not sys.argv[1:] or "taken" in sys.argv[1:]:
        test("run: taken over from " + tool, lambda tool=tool: taken_over(tool))
TARGET.stop()
finish()
