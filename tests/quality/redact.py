#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a redacted survey keeps and what it gives away.

No value of production may be in the file but those that stand in the schema's text; and plans with equality, range and join
predicates must have the shape, and the order of cost, that they have with the values as they are.
"""
import gzip
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.dirname(__file__))
import tpch  # noqa: E402
from harness import ROOT, WORK, contains, equal, finish, run, test, write  # noqa: E402
from twins import MAJOR, PSQL, Original, explain, psql, twin_of  # noqa: E402

SCALE = "1"


def survey(subject, *words, name):
    path = os.path.join(WORK, name)
    out = run("survey", subject, "--pg-major", MAJOR, "-q", "-o", path, *words)
    assert out.returncode == 0, out.stderr
    with gzip.open(path, "rt") if name.endswith(".gz") else open(path) as file:
        return path, file.read(), out


def elements(text):
    """Of the text of an array, without a care for its nesting."""
    return [(q.replace('\\"', '"').replace("\\\\", "\\") if q else p) for q, p in re.findall(r'"((?:[^"\\]|\\.)*)"|([^{},"]+)', text or "")]


def values_of(document):
    """Every production value that the document holds, with its column."""
    schema = document["schema"]
    for relation in schema["relations"]:
        for owner in [relation] + relation.get("indexes", []):
            for x in owner.get("statistics", []):
                for field in ("common_values", "histogram", "common_elements", "range_bounds"):
                    for value in elements(x.get(field)):
                        yield relation["name"] + "." + x["column"], value
                        yield from ((relation["name"] + "." + x["column"], inner) for inner in elements(value))
                for field in ("minimum", "maximum"):
                    if x.get(field):
                        yield relation["name"] + "." + x["column"], x[field]
    for object in schema.get("statistics_objects", []):
        for x in object.get("statistics", []):
            for field in ("common_values", "histogram"):
                for value in elements(x.get(field)):
                    yield object["name"], value
        for value in elements(object.get("common_values")):
            yield object["name"], value


def schema_text(document):
    """The text of the schema alone."""
    def strip(item):
        if isinstance(item, dict):
            return {k: strip(v) for k, v in item.items() if k not in ("statistics", "last_value", "common_values")}
        if isinstance(item, list):
            return [strip(x) for x in item]
        return item if isinstance(item, str) else None  # sizes and counters are no text
    return json.dumps(strip(document["schema"]), ensure_ascii=False)


def fields_of(document):
    """Each list of values with its place, for a comparison value by value."""
    for relation in document["schema"]["relations"]:
        for owner in [relation] + relation.get("indexes", []):
            for x in owner.get("statistics", []):
                for field in ("common_values", "histogram", "common_elements"):
                    yield (owner["name"], x["column"], field, x.get("inherited", False)), elements(x.get(field))
                for field in ("minimum", "maximum"):
                    yield (owner["name"], x["column"], field, False), [x[field]] if x.get(field) else []


def leaks(original, redacted):
    """Values of the original that the other document gives away: a text of some length that stands anywhere in it outside of the
    schema's text; a number, a moment or a short text that stands where it stood, since by chance it may stand elsewhere."""
    text = json.dumps(redacted, ensure_ascii=False)
    skeleton = " ".join(re.sub(r"'[^']*'|/\*.*?\*/", "", statement["text"], flags=re.S) for statement in original["workload"])
    schema = schema_text(original) + skeleton  # SQL's own words are no values
    kept = set(re.findall(r"[^:,\s]+", " ".join(redacted["redaction"].get("kept", []))))
    plain = lambda value: value in ("t", "f", "", "NaN", "Infinity", "NULL") or value in kept or re.search(r"(?<![\w])%s(?![\w])" % re.escape(value), schema)
    found = set()
    for column, value in values_of(original):
        if len(value) > 4 and not re.fullmatch(r"[-+.0-9e: ]*", value) and not plain(value):
            if re.search(r"(?<!\w)%s(?!\w)" % re.escape(json.dumps(value, ensure_ascii=False)[1:-1]), text):
                found.add((column, value))
    for statement in original["workload"]:
        for value in re.findall(r"'([^']*)'", statement["text"]):
            if len(value) > 4 and not plain(value) and not re.fullmatch(r"[-+.0-9e: ]*|\d+ \w+|Europe/Berlin|today|month", value) and value in text:
                found.add(("a statement", value))
    number = r"(?<![\w.'\"$-])\d{4,}(?![\w.'\"-])"
    for before, after in zip(original["workload"], redacted["workload"]):
        found.update(("a statement", n) for n in set(re.findall(number, before["text"])) & set(re.findall(number, after.get("text", ""))) if not plain(n))
    now = dict(fields_of(redacted))
    forced = {line.split(":")[0].split(".")[-1] for line in redacted["redaction"].get("kept", [])}
    too_near = {line.split(":")[0].split(".")[-1]: [int(n) for n in re.findall(r": (\d+) of (\d+) other", line)[0]] for line in redacted["redaction"].get("kept", []) if "too near" in line}
    assert all(n <= 0.5 * of or of < 110 for n, of in too_near.values()), too_near
    for place, values in fields_of(original):
        if place[1] in forced and all(re.fullmatch(r"-?\d{1,4}", value) for value in values):
            continue  # whole numbers so near to those that stay that their places are taken
        if place[1] in too_near:  # the survey says so
            continue
        same = [a for a, b in zip(values, now.get(place, [])) if a == b and not plain(a)]
        found.update((place, value) for value in same)
    return found


def shapes(url, statement):
    nodes = explain(url, statement)
    return [n[0] for n in nodes], nodes[0][1][1]


def compare(name, original, url, redacted, redacted_url, least):
    affected = {a["statement"] for a in redacted["redaction"].get("affected", [])}
    for a in redacted["redaction"].get("affected", []) if "-v" in sys.argv else []:
        print("#   %s: %s" % (a["statement"], a["why"]))
    same = counted = other_affected = 0
    costs = []
    for before, after in zip(original["workload"], redacted["workload"]):
        (a, cost_a), (b, cost_b) = shapes(url, before["text"]), shapes(redacted_url, after["text"])
        if before["id"] in affected:
            other_affected += a != b
            continue
        counted += 1
        same += a == b
        costs.append((cost_a, cost_b))
        if a != b or abs(cost_b / cost_a - 1) > 0.05:
            print("#   %s %.0f -> %.0f: %s" % ("cost" if a == b else "OTHER SHAPE", cost_a, cost_b, after["text"].replace("\n", " ")[:150]))
    pairs = [(x, y) for i, x in enumerate(costs) for y in costs[:i] if abs(x[0] / y[0] - 1) > 0.1]
    ordered = sum((x[0] < y[0]) == (x[1] < y[1]) for x, y in pairs)
    print("# %s: %d of %d statements in the same shape; %d of %d pairs in the same order of cost; %d more named as affected, %d of them plan otherwise" % (
        name, same, counted, ordered, len(pairs), len(affected), other_affected))
    assert same >= least * counted and ordered >= 0.99 * len(pairs), (same, counted, ordered)
    return affected


def subject(name, load, statements, least=1.0, affected_are=None):
    original = Original([])
    try:
        load(original.url)
        psql(original.url, "-c", "vacuum analyze")
        for statement in statements:  # puts indexes into use
            explain(original.url, statement)
        workload = write(name + ".workload", ";\n".join(statements) + ";\n")
        plain_path, plain, _ = survey(original.url, "--with-values", "--workload", workload, name=name + ".json")
        path, text, out = survey(original.url, "--workload", workload, name=name + ".json.gz")
        before, after = json.loads(plain), json.loads(text)
        contains(out.stdout, "values disguised")
        found = leaks(before, after)
        held = len(set(values_of(before)))
        print("# %s: %d values, %d in the redacted file; %s kept, %s left out" % (name, held, len(found), len(after["redaction"].get("kept", [])), after["redaction"].get("left_out", [])))
        assert held > 100 and len(leaks(before, before | {"redaction": {}})) > 0.3 * held  # the search can find
        assert not found, list(found)[:20]
        columns = sum(len(o.get("statistics", [])) for r in after["schema"]["relations"] for o in [r] + r.get("indexes", []))
        print("# %s: %d bytes a column" % (name, os.path.getsize(path) / columns))
        assert os.path.getsize(path) / columns < 4096
        one, one_url, _ = twin_of(plain_path)
        two, two_url, _ = twin_of(path)
        try:
            affected = compare(name, before, one_url, after, two_url, least)
            if affected_are is not None:
                equal(affected, affected_are)
        finally:
            run("lab", "stop", one)
            run("lab", "stop", two)
    finally:
        original.stop()


def with_the_schema(name, load, statements, planted=None, least=1.0):
    """--redact=schema: nor is what stands in the schema's text in the file, and the plans are still those."""
    original = Original([])
    try:
        load(original.url)
        psql(original.url, "-c", "vacuum analyze")
        for statement in statements:
            explain(original.url, statement)
        workload = write(name + ".workload", ";\n".join(statements) + ";\n")
        plain_path, plain, _ = survey(original.url, "--with-values", "--workload", workload, name=name + "-plain.json")
        path, text, _ = survey(original.url, "--redact=schema", "--workload", workload, name=name + "-all.json")
        before, after = json.loads(plain), json.loads(text)
        words = planted or r"(?<=')[A-Za-z]\w{2,}(?=')"
        originals = set(re.findall(words, plain))
        where = {True: schema_text(after), False: text}  # a number may stand anywhere else by chance
        found = {word for word in originals if re.search(r"(?<!\d)%s(?!\d)" % re.escape(word), where[word.isdigit()])} if planted else {v for v in originals & set(re.findall(words, text)) if re.search("'%s'" % v, schema_text(before))} - SQL_WORDS
        print("# %s, with the schema: %d values, %d in the file %s; kept: %s" % (name, len(originals), len(found), sorted(found)[:9], after["redaction"].get("kept")))
        assert not found and len([v for v in originals if re.search(re.escape(v), schema_text(before))]) > 2, found  # the search can find
        assert not re.search('"comment"', text)
        stand_in = run("lab", "stand-in", path, "-q", "--pg-major", MAJOR)
        run("lab", "stop", re.search(r"^lab (\S+):", stand_in.stdout).group(1))
        lost = [line for line in stand_in.stderr.split("\n") if "has no rows" in line]
        assert not lost, lost
        one, one_url, _ = twin_of(plain_path)
        two, two_url, out = twin_of(path)
        try:
            equal([line for line in out.stderr.split("\n") if line.startswith("dbarch: ") and "are disguised" not in line], [])
            compare(name + ", with the schema", before, one_url, after, two_url, least)
        finally:
            run("lab", "stop", one)
            run("lab", "stop", two)
    finally:
        original.stop()


SQL_WORDS = {"simple", "english", "UTC", "day", "month"}


def read_queries(path):
    with open(path, encoding="utf-8") as file:
        return [query.strip() for query in file.read().split(";\n") if query.strip()]


def files(*names):
    return lambda url: [psql(url, "-f", os.path.join(ROOT, name)) for name in names]


test("redaction: all kinds", lambda: subject("kinds", files("tests/data/twin/kinds.sql"), read_queries(os.path.join(ROOT, "tests/data/redact/kinds.queries"))))
test("redaction: what once broke it", lambda: subject("odd", files("tests/data/redact/odd.sql"), read_queries(os.path.join(ROOT, "tests/data/redact/odd.queries"))))
test("redaction: the schema's text", lambda: with_the_schema("text", files("tests/data/redact/text.sql"), read_queries(os.path.join(ROOT, "tests/data/redact/text.queries")), r"Zq\w+|(?<![\w.])77\d\d\d(?!\w)"))
test("redaction: the schema's text, all kinds", lambda: with_the_schema("kinds", files("tests/data/twin/kinds.sql"), read_queries(os.path.join(ROOT, "tests/data/redact/kinds.queries"))))
test("redaction: the schema's text, what once broke it", lambda: with_the_schema("odd", files("tests/data/redact/odd.sql"), read_queries(os.path.join(ROOT, "tests/data/redact/odd.queries"))))
if "--full" not in sys.argv:
    finish()
test("redaction: the shop", lambda: subject("shop", files("examples/shop/01_schema.sql", "examples/shop/02_rows.sql"), read_queries(os.path.join(ROOT, "tests/data/twin/shop.queries"))))
test("redaction: the schema's text, the shop", lambda: with_the_schema("shop", files("examples/shop/01_schema.sql", "examples/shop/02_rows.sql"), read_queries(os.path.join(ROOT, "tests/data/twin/shop.queries"))))
test("redaction: TPC-H", lambda: subject("tpch", lambda url: tpch.load(PSQL, url, SCALE), tpch.queries()))
finish()
