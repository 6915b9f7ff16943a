"""Runs the cases that stand as data in *.yaml here through the real binary ($ROWGATE).

A case is a map:
  case     its name
  files    name -> content: text, or a map
             latin1: text        each character one byte
             parts: [[text, n]]  texts repeated
             gzip: text, cut: n  compressed, without its last n bytes; zstd: the same
  config   text of rowgate.yaml; "people" when absent (see people.yaml.txt); null for none
  before   commands that must succeed first
  sql      statements that change the database behind rowgate's back, after `before`
  make     a situation: read_only_folder, locked_database, full_disk (see situations.py)
  environment  variables of the run
  stdin    text that the run reads from its standard input
  run      the command
  exit     its exit code
  stderr   parts that must stand in its stderr, in this order; "|" keeps lines
  stdout   the same for stdout
  error    code, and optionally line, column and a part of the message, of the run that `run` made
  rows     numbers of that run
  rejects  its refused records in file order: line, column, code, field, found, title; members left out are not
           compared
  status   of that run
  dry      true: the run writes nothing, so the ledger and every table stay as they are
  tables   table -> its rows afterwards, cells joined by "|", null as "-"
  unchanged  tables that must have the rows and the version they had before; with it, the ledger must hold one more row,
             failed with the code of `error`, or nothing new (ledger: same)
Input files are compared before and after in every case. Every case with rejects is played a second time with --strict:
the same records are refused, nothing is loaded and the ledger gets a row `failed`.
"""

import gzip
import hashlib
import json
import os
import pathlib
import shlex
import sqlite3
import subprocess

import pytest
import yaml

import situations

HERE = pathlib.Path(__file__).parent
ROWGATE = os.environ["ROWGATE"]
CONFIGS = {path.name.split(".")[0]: path.read_text(encoding="utf-8") for path in HERE.glob("*.yaml.txt")}
KNOWN = {"case", "files", "config", "before", "make", "run", "exit", "stderr", "stdout", "error", "rows", "rejects",
         "tables", "unchanged", "ledger", "status", "database", "sql", "environment", "stdin", "dry"}


def all_cases():
    for path in sorted(HERE.glob("*.yaml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8")):
            unknown = set(case) - KNOWN
            assert not unknown, f"{path.name}: {case['case']}: unknown {unknown}"
            yield pytest.param(case, id=f"{path.stem}: {case['case']}")


def content(of):
    if isinstance(of, str):
        return of.encode("utf-8")
    if "latin1" in of:
        return of["latin1"].encode("latin-1")
    if "gzip" in of:
        packed = gzip.compress(of["gzip"].encode("utf-8"), mtime=0)
        return packed[: len(packed) - of.get("cut", 0)] + of.get("append", "").encode("latin-1")
    if "zstd" in of:
        packed = subprocess.run(["zstd", "-qc"], input=of["zstd"].encode("utf-8"), capture_output=True, check=True).stdout
        return packed[: len(packed) - of.get("cut", 0)] + of.get("append", "").encode("latin-1")
    return "".join(text * count for text, count in of["parts"]).encode("utf-8")


class World:
    """A folder with the files of a case."""

    def __init__(self, folder, case):
        self.folder = folder
        self.database = folder / case.get("database", "data/rowgate.db")
        config = case.get("config", "people")
        if config is not None:
            (folder / "rowgate.yaml").write_text(CONFIGS.get(config, config), encoding="utf-8")
        for name, of in case.get("files", {}).items():
            (folder / name).write_bytes(content(of))

    def rowgate(self, command, environment=None, stdin="", **more):
        variables = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
                     **(environment or {})}
        arguments = [ROWGATE, *shlex.split(command)]
        return subprocess.run(arguments, cwd=self.folder, env=variables, input=stdin.encode("utf-8"),
                              capture_output=True, timeout=120, check=False, **more)

    def change(self, statements):
        connection = sqlite3.connect(self.database)
        connection.executescript(statements)
        connection.close()

    def prepare(self, case):
        for command in case.get("before", []):
            before = self.rowgate(command)
            assert before.returncode == 0, f"{command}\n{before.stdout.decode()}{before.stderr.decode()}"
        if "sql" in case:
            self.change(case["sql"])

    def query(self, sql):
        if not self.database.exists():
            return []
        connection = sqlite3.connect(f"file:{self.database}?mode=ro&immutable=0", uri=True, timeout=5)
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def has_table(self, table):
        return bool(self.query(f"SELECT 1 FROM sqlite_schema WHERE name = '{table}'"))

    def table(self, table):
        if not self.has_table(table):
            return None
        rows = self.query(f'SELECT * FROM "{table}" ORDER BY 1')
        return ["|".join("-" if cell is None else str(cell) for cell in row) for row in rows]

    def state(self, table):
        version = self.query(f"SELECT version FROM rowgate_schema WHERE table_name = '{table}'") \
            if self.has_table("rowgate_schema") else []
        return self.table(table), version

    def ledger(self):
        if not self.has_table("rowgate_runs"):
            return []
        return self.query("SELECT id, status, error FROM rowgate_runs ORDER BY id")

    def last_run(self):
        answer = self.rowgate("runs list --json" + self.to())
        assert answer.returncode == 0, answer.stderr.decode()
        return json.loads(answer.stdout)["items"][0]

    def to(self):
        return "" if (self.folder / "rowgate.yaml").exists() else f" --to sqlite:{self.database}"

    def rejects(self, run):
        answer = self.rowgate(f"rejects export {run} --format jsonl" + self.to())
        assert answer.returncode == 0, answer.stderr.decode()
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def digests(self, names):
        return {name: hashlib.sha256((self.folder / name).read_bytes()).hexdigest() for name in names}


def check_in_order(parts, text):
    at = 0
    for part in parts:
        part = part.rstrip("\n")
        found = text.find(part, at)
        assert found >= 0, f"{part!r} is not (or not in this place) in\n{text}"
        at = found + len(part)


def check_error(expected, error):
    assert error is not None, "the run has no error"
    assert error["code"] == expected["code"], error
    for place in ("line", "column"):
        if place in expected:
            assert error.get(place) == expected[place], error
    assert expected.get("message", "") in error["message"], error


def check_rejects(expected, records):
    found = []
    for record in records:
        for problem in record["errors"]:
            found.append({"line": record["line"], **problem})
    assert len(found) == len(expected), json.dumps(found, indent=1)
    for want, got in zip(expected, found):
        assert {name: got.get(name) for name in want} == want, json.dumps(got)


def run_ids(ledger):
    return {row[0] for row in ledger}


@pytest.mark.parametrize("case", all_cases())
def test_case(case, tmp_path):
    world = World(tmp_path, case)
    world.prepare(case)
    names = list(case.get("files", {}))
    digests, ledger = world.digests(names), world.ledger()
    states = {table: world.state(table) for table in case.get("unchanged", [])}

    with situations.make(case.get("make"), world) as more:
        answer = world.rowgate(case["run"], case.get("environment"), case.get("stdin", ""), **more)
    said = f"$ rowgate {case['run']}\n{answer.stdout.decode(errors='replace')}\n{answer.stderr.decode(errors='replace')}"
    assert answer.returncode == case["exit"], said

    check_in_order(case.get("stderr", []), answer.stderr.decode())
    check_in_order(case.get("stdout", []), answer.stdout.decode())
    assert world.digests(names) == digests, "an input file was changed"
    for table, state in states.items():
        assert world.state(table) == state, said
    for table, rows in case.get("tables", {}).items():
        assert world.table(table) == rows, said
    if case.get("dry"):
        assert world.ledger() == ledger, said
    elif any(key in case for key in ("error", "rows", "rejects", "status")) and case.get("ledger") != "same":
        run = world.last_run()
        assert run["id"] not in run_ids(ledger), said
        if "error" in case:
            assert run["status"] == "failed", run
            check_error(case["error"], run["error"])
        if "status" in case:
            assert run["status"] == case["status"], run
        if "rows" in case:
            assert {name: run["rows"][name] for name in case["rows"]} == case["rows"], said
        if "rejects" in case:
            check_rejects(case["rejects"], world.rejects(run["id"]))
    if "unchanged" in case:
        added = [row for row in world.ledger() if row[0] not in run_ids(ledger)]
        if case.get("ledger") == "same" or case.get("dry"):
            assert not added, added
        else:
            assert [row[1] for row in added] == ["failed"], added
            assert json.loads(added[0][2])["code"] == case["error"]["code"], added


# Codes that only a server meets; tests/http provokes them.
OVER_HTTP = set("""
    limit.bytes run.rejects_expired run.queue_full run.draining run.idempotency_in_progress
    run.idempotency_reused report.link_expired report.link_forged config.cannot_listen request.malformed
    request.bad_cursor request.bad_json request.one_file_expected request.unsupported_media
    request.unsupported_encoding request.not_found request.method_not_allowed request.not_acceptable
    request.timeout request.expectation request.http_version request.not_implemented request.too_many_connections request.uri_too_long request.header_too_large request.digest_mismatch
    auth.unauthenticated auth.too_many_failures request.range_not_satisfiable auth.forbidden source.not_offered
    request.misdirected request.cross_site report.queue_full limit.reject_bytes
""".split())


def refusing_cases():
    for parameter in all_cases():
        if "rejects" in parameter.values[0]:
            yield parameter


@pytest.mark.parametrize("case", refusing_cases())
def test_strict_twin(case, tmp_path):
    """What is set aside otherwise keeps the whole file out under --strict."""
    world = World(tmp_path, case)
    world.prepare(case)
    words = shlex.split(case["run"])
    table = words[words.index("--table") + 1] if "--table" in words else words[1].split(".")[0]
    ledger, state = world.ledger(), world.state(table)
    answer = world.rowgate(case["run"] + " --strict")
    assert answer.returncode == 3, answer.stderr.decode()
    check_in_order(["error[limit.rejects]", "nothing was loaded"], answer.stderr.decode())
    assert world.state(table) == state
    added = [row for row in world.ledger() if row[0] not in run_ids(ledger)]
    assert [row[1] for row in added] == ["failed"], added
    assert json.loads(added[0][2])["code"] == "limit.rejects"
    run = world.last_run()
    assert run["rows"]["read"] == sum(run["rows"][name] for name in ("accepted", "rejected", "skipped")), run["rows"]
    check_rejects(case["rejects"], world.rejects(run["id"]))


@pytest.mark.parametrize("case", all_cases())
def test_a_failing_load_is_checked_whole(case):
    """A case in which a load fails says what is printed, which tables stay as they are, and what the ledger gets."""
    if not case["run"].startswith("load ") or case["exit"] in (0, 2):
        return
    if "tables" in case:  # of several files some were loaded
        return
    assert case.get("unchanged"), "which tables stay as they are?"
    assert any("error[" in part for part in case.get("stderr", [])), "what is printed?"
    assert ("error" in case) != (case.get("ledger") == "same" or case.get("dry", False)), "what does the ledger get?"


def told_in_full():
    """Codes for which a case checks code, place and words: of a record, of a run, or of a command."""
    found = set()
    for parameter in all_cases():
        case = parameter.values[0]
        for reject in case.get("rejects", []):
            if {"line", "column", "title"} <= set(reject):
                found.add(reject["code"])
        for part in case.get("stderr", []):
            if part.startswith(("error[", "warning[")) and len(case["stderr"]) > 1:
                found.add(part[part.index("[") + 1 : part.index("]")])
    return found


def test_every_code_has_a_case():
    """Every code that `rowgate explain` knows is provoked by a case, or stands here with the reason why it cannot be."""
    answer = subprocess.run([ROWGATE, "explain", "--json"], capture_output=True, check=True)
    known = {item["code"] for item in json.loads(answer.stdout)["items"]}
    elsewhere = {
        "internal.error", "internal.invariant",  # bugs of ours, by definition
        "database.insecure",  # tests/databases/test_impostors.py
        "file.changed",  # test_changing_file.py
        "run.undecided", "run.finished",  # tests/databases/test_undecided.py
        "run.interrupted",  # test_interrupt.py
        "database.deadlock", "database.privilege", "database.secret",  # of database servers: src/db/faults_test.cc
        "database.rows_missing", "table.not_transactional", "limit.key",  # tests/databases
        "storage.unreachable", "source.unknown",  # of S3: tests/s3
        "limit.answer",  # of AWS Lambda: tests/lambda
    }
    assert known - told_in_full() == elsewhere | OVER_HTTP
