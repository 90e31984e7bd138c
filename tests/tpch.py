# SPDX-License-Identifier: Apache-2.0
"""TPC-H for tests and benches: rows from tpchgen-cli, the statements from duckdb, both of PyPI; nothing of them is kept here."""
import glob
import os
import subprocess
import sys

from harness import clean_env

CACHE = os.environ.get("DBARCH_CACHE") or ("/var/cache/dbarch" if os.geteuid() == 0 else os.path.expanduser("~/.cache/dbarch"))
PEERS = os.path.join(os.path.realpath(os.path.join(CACHE, "runtime")), "..", "peers")
PACKAGES = ["tpchgen-cli", "duckdb==1.1.3"]  # of the releases whose wheel holds its tpch extension
TABLES = {
    "region": "r_regionkey int primary key, r_name char(25) not null, r_comment varchar(152)",
    "nation": "n_nationkey int primary key, n_name char(25) not null, n_regionkey int not null, n_comment varchar(152)",
    "part": "p_partkey int primary key, p_name varchar(55) not null, p_mfgr char(25) not null, p_brand char(10) not null, p_type varchar(25) not null, "
            "p_size int not null, p_container char(10) not null, p_retailprice numeric(15,2) not null, p_comment varchar(23) not null",
    "supplier": "s_suppkey int primary key, s_name char(25) not null, s_address varchar(40) not null, s_nationkey int not null, s_phone char(15) not null, "
                "s_acctbal numeric(15,2) not null, s_comment varchar(101) not null",
    "partsupp": "ps_partkey int not null, ps_suppkey int not null, ps_availqty int not null, ps_supplycost numeric(15,2) not null, ps_comment varchar(199) not null, "
                "primary key (ps_partkey, ps_suppkey)",
    "customer": "c_custkey int primary key, c_name varchar(25) not null, c_address varchar(40) not null, c_nationkey int not null, c_phone char(15) not null, "
                "c_acctbal numeric(15,2) not null, c_mktsegment char(10) not null, c_comment varchar(117) not null",
    "orders": "o_orderkey int primary key, o_custkey int not null, o_orderstatus char(1) not null, o_totalprice numeric(15,2) not null, o_orderdate date not null, "
              "o_orderpriority char(15) not null, o_clerk char(15) not null, o_shippriority int not null, o_comment varchar(79) not null",
    "lineitem": "l_orderkey int not null, l_partkey int not null, l_suppkey int not null, l_linenumber int not null, l_quantity numeric(15,2) not null, "
                "l_extendedprice numeric(15,2) not null, l_discount numeric(15,2) not null, l_tax numeric(15,2) not null, l_returnflag char(1) not null, "
                "l_linestatus char(1) not null, l_shipdate date not null, l_commitdate date not null, l_receiptdate date not null, l_shipinstruct char(25) not null, "
                "l_shipmode char(10) not null, l_comment varchar(44) not null, primary key (l_orderkey, l_linenumber)",
}
KEYS = ["nation (n_regionkey) references region", "supplier (s_nationkey) references nation", "customer (c_nationkey) references nation",
        "partsupp (ps_partkey) references part", "partsupp (ps_suppkey) references supplier", "orders (o_custkey) references customer",
        "lineitem (l_orderkey) references orders", "lineitem (l_partkey, l_suppkey) references partsupp"]
INDEXES = ["lineitem (l_shipdate)", "lineitem (l_partkey)", "orders (o_custkey)", "orders (o_orderdate)", "partsupp (ps_suppkey)"]


def python():
    """The interpreter that has the packages; brought once."""
    path = os.path.join(PEERS, "bin", "python3")
    if not os.path.exists(os.path.join(PEERS, "complete")):
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([path, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
        open(os.path.join(PEERS, "complete"), "w").close()
    return path


def queries():
    code = "import duckdb, json; print(json.dumps([q for _, q in duckdb.sql('select query_nr, query from tpch_queries() order by 1').fetchall()]))"
    import json
    return [q.strip().rstrip(";") for q in json.loads(subprocess.run([python(), "-c", code], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout)]


def rows(scale):
    folder = os.path.join(PEERS, "tpch-%s" % scale)
    if not os.path.exists(os.path.join(folder, "complete")):
        python()
        subprocess.run([os.path.join(PEERS, "bin", "tpchgen-cli"), "tbl", "-s", str(scale), "--output-dir", folder], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        open(os.path.join(folder, "complete"), "w").close()
    return folder


def load(psql, url, scale):
    """Tables, rows, keys and a few indexes, into the database at `url`."""
    folder = rows(scale)
    run = lambda sql: subprocess.run([psql, "-Xq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql], check=True, env=clean_env(), stdout=subprocess.DEVNULL)
    for table, columns in TABLES.items():
        run("create table %s (%s)" % (table, columns))
        with subprocess.Popen(["sed", "s/|$//", os.path.join(folder, table + ".tbl")], stdout=subprocess.PIPE) as source:
            subprocess.run([psql, "-Xq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", "copy %s from stdin (delimiter '|')" % table], check=True, env=clean_env(), stdin=source.stdout)
    for key in KEYS:
        table, rest = key.split(" ", 1)
        run("alter table %s add foreign key %s" % (table, rest))
    for index in INDEXES:
        run("create index on %s" % index)


def candidates():
    """120 indexes that a designer could try: each column of the five large tables, then pairs."""
    names = {table: [c.split()[0] for c in columns.split(", ") if "_" in c.split()[0] and c.split()[0].isidentifier()] for table, columns in TABLES.items()}
    single = ["%s (%s)" % (t, c) for t in ("lineitem", "orders", "customer", "part", "partsupp") for c in names[t] if not c.endswith("_comment")]
    pairs = ["lineitem (%s, %s)" % (a, b) for a in names["lineitem"][:14] for b in names["lineitem"][:14] if a != b]
    return (single + pairs)[:120]
