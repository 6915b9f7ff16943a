"""Servers in the situations that the API description speaks of. Each begins when a test first asks for it, and stays for
all tests of the session: what a test adds to one must not be in another's way."""

import binascii
import contextlib
import functools
import hashlib
import json
import pathlib
import socket
import sqlite3
import subprocess
import threading
import time

import api
from server import Server

JSON = {"Content-Type": "application/json"}
TABLES = ("departments", "jobs", "hired_employees")
SCOPES = ("tables:read", "loads:write", "runs:read", "rejects:read", "reports:read", "reports:link", "metrics:read", "backups:read",
          "backups:write", "admin")
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS most FROM n"
REPORTS = f"""
reports:
  hires_of_year:
    title: People hired in a year
    params: {{ year: {{ type: integer, default: 2021 }} }}
    columns: [id, name]
    sql: SELECT id, name FROM hired_employees WHERE substr(datetime, 1, 4) = CAST(:year AS TEXT) ORDER BY id
  endless: {{ timeout: 100ms, sql: "{ENDLESS}" }}
  slow: {{ timeout: 1500ms, sql: "{ENDLESS}" }}
  large: {{ max_rows: 5, sql: "SELECT id FROM jobs" }}
"""


def api_key(name):
    """A well-formed key, always the same one for a name."""
    digest = hashlib.sha256(name.encode()).digest()
    random = "".join(BASE62[byte % 62] for byte in digest[:30])
    left, check = binascii.crc32(random.encode()), ""
    for _ in range(6):
        left, digit = divmod(left, 62)
        check = BASE62[digit] + check
    return f"rgk_{random}{check}"


def bearer(name):
    return {"Authorization": "Bearer " + api_key(name)}


def key_settings(name, scopes, **more):
    return {"name": name, "sha256": hashlib.sha256(api_key(name).encode()).hexdigest(), "scopes": list(scopes), **more}


KEYS = [
    *(key_settings(scope, [scope]) for scope in SCOPES),
    key_settings("all", SCOPES),
    key_settings("jobs only", SCOPES, tables=["jobs", "job_*"], reports=["large"]),
    key_settings("nothing to see", SCOPES, tables=[], reports=[]),
    key_settings("expired", SCOPES, expires="2020-01-01"),
]


class Situation:
    """A server, and the names of what is in it."""

    def __init__(self, server, headers=None):
        self.server, self.folder, self.headers = server, server.folder, headers or {}
        self.table, self.report, self.problem = "jobs", "departments_above_mean", "rows-rejected"
        self.run = self.clean_run = self.link = self.download = None

    def load_tables(self):
        for table in TABLES:
            answer = self.server.post(f"/v1/tables/{table}/loads", (self.folder / f"{table}.csv").read_bytes(),
                                      self.headers)
            assert answer.status == 200, answer.text
            self.clean_run = self.run or answer.json["id"]
            self.run = answer.json["id"]  # in the end the one with rejects
        return self

    def load_example(self):
        self.load_tables()
        made = self.server.post(f"/v1/reports/{self.report}/links", b"", {**JSON, **self.headers})
        assert made.status == 201, made.text
        self.link, url = made.json["id"], made.json["url"]
        self.download = url[url.index("/d/"):]
        return self

    def names(self):
        """A value for every path parameter."""
        filename = (self.download or "/report.csv").partition("?")[0].rsplit("/", 1)[1]
        return {"table": self.table, "run": self.run or "run_" + "0" * 26, "report": self.report,
                "link": self.link or "lnk_" + "0" * 26, "problem": self.problem, "filename": filename}

    def call(self, operation, headers=None, query="", body=None, method=None, **names):
        """Sends what the operation describes; an argument changes a part of it."""
        operation = api.OPERATIONS.get(operation, operation)
        names = {**self.names(), **names}
        path = operation.path.format(**names)
        sent = dict(self.headers)
        if operation.id == "download" and not query:
            query = (self.download or "?").partition("?")[2]
        if operation.id == "originalLoad" and not query:
            query = f"table={names['table']}&schema=test_db"
        if operation.method == "POST" and operation.body:
            sent["Content-Type"] = "text/csv" if "text/csv" in operation.body["content"] else "application/json"
            if body is None:
                body = fresh_rows() if sent["Content-Type"] == "text/csv" else b"{}"
        sent |= headers or {}
        sent = {name: value for name, value in sent.items() if value is not None}
        return self.server.request(method or operation.method, path + ("?" + query if query else ""), body, sent)


COUNTER = iter(range(100_000, 10**9))


def fresh_rows(count=1):
    """Rows of the table jobs that no load before had."""
    rows = (f"{number},Job {number}\n" for number in (next(COUNTER) for _ in range(count)))
    return ("id,job\n" + "".join(rows)).encode()


def busy_connection(server):
    """A connection with a request under way: its body is waited for."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.sendall(b"POST /v1/tables/jobs/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                       b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    return connection


class Worlds:
    def __init__(self, rowgate, new_folder):
        self.rowgate, self.new_folder, self.servers = rowgate, new_folder, []

    def folder(self):
        folder = pathlib.Path(self.new_folder())
        subprocess.run([self.rowgate, "init", "--example", "hr"], cwd=folder, check=True, capture_output=True)
        return folder

    def start(self, changes="", folder=None, **more):
        server = Server(self.rowgate, folder or self.folder(), changes, **more)
        self.servers.append(server)
        return server

    def stop(self):
        for server in self.servers:
            server.stop()

    @functools.cached_property
    def plain(self):
        """The example, loaded, and a few reports more; nobody needs a key."""
        return Situation(self.start(REPORTS)).load_example()

    @functools.cached_property
    def empty(self):
        """Nothing is loaded; what comes late is answered late."""
        return Situation(self.start("limits: { idle_timeout: 500ms }"))

    @functools.cached_property
    def keys(self):
        changes = {"auth": {"mode": "keys", "keys": KEYS}}
        return Situation(self.start(REPORTS + json.dumps(changes)[1:-1]), bearer("all")).load_example()

    @property
    def blocked(self):
        """Too many wrong keys came from the tests' address, and here comes another one."""
        wrong = Situation(self.guarded.server, {"Authorization": "Bearer rgk_guess"})
        for _ in range(11):  # the last of them is refused at once; it lasts for a minute
            answer = wrong.call("listTables")
        assert answer.status == 429
        return wrong

    @functools.cached_property
    def guarded(self):
        return Situation(self.start(json.dumps({"auth": {"mode": "keys", "keys": KEYS}})), bearer("all"))

    @functools.cached_property
    def broken(self):
        """The database is none any more."""
        first = Situation(self.start()).load_example()
        first.server.stop()
        for path in (first.folder / "data").glob("rowgate.db*"):
            path.unlink()
        (first.folder / "data" / "rowgate.db").write_bytes(b"no database" * 1000)
        first.server = self.start(folder=first.folder)
        return first

    @functools.cached_property
    def tight(self):
        """Small limits."""
        return Situation(self.start(
            "limits: { max_upload_bytes: 2KiB, max_unpacked_bytes: 4KiB, max_columns: 4, max_body_bytes: 256 }\n"
            "compat: { max_bytes: 2KiB }"))

    @functools.cached_property
    def long_reports(self):
        """Both reports of the original API run too long."""
        return Situation(self.start(
            f"reports: {{ hired_by_quarter: {{ timeout: 100ms, columns: [most], sort: [], sql: '{ENDLESS}' }},\n"
            f"  departments_above_mean: {{ timeout: 100ms, columns: [most], sort: [], sql: '{ENDLESS}' }} }}")).load_tables()

    @functools.cached_property
    def large_reports(self):
        """Both reports of the original API have too many rows."""
        return Situation(self.start(
            "reports: { hired_by_quarter: { max_rows: 1 }, departments_above_mean: { max_rows: 1 } }")).load_tables()

    @functools.cached_property
    def bare(self):
        """Neither the original API nor metrics."""
        return Situation(self.start("{ compat: { enabled: false }, observability: { metrics: false } }"))

    @functools.cached_property
    def changed(self):
        """Somebody else has changed the table jobs."""
        there = Situation(self.start()).load_example()
        with contextlib.closing(sqlite3.connect(there.folder / "data" / "rowgate.db")) as database:
            database.execute("ALTER TABLE jobs RENAME COLUMN job TO occupation")
            database.commit()
        return there

    @functools.cached_property
    def forgetful(self):
        """The files that were kept of the runs are gone."""
        there = Situation(self.start()).load_example()
        for kind in ("rejects", "sources"):
            for path in (there.folder / "data" / "files" / kind).rglob("*"):
                if path.is_file():
                    path.unlink()
        return there

    @functools.cached_property
    def impatient(self):
        """Loads are answered before they can be done."""
        return Situation(self.start("limits: { sync_wait: 20ms }"))


@contextlib.contextmanager
def locked(folder):
    """As another process that writes to the database."""
    path = folder / "data" / "rowgate.db"
    path.parent.mkdir(exist_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


@contextlib.contextmanager
def meanwhile(request):
    """`request` runs in another thread; gives the list that will hold its answer."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(request()))
    thread.start()
    try:
        yield answers
    finally:
        thread.join()


def spool_files(folder):
    """What is in flight. A state file that waits for the next run is empty; `databases` says which one is known."""
    files = [path for path in (folder / "data" / "spool").rglob("*")
             if path.is_file() and path.parent.name != "databases"]
    return [path for path in files if path.suffix != ".new" or path.stat().st_size > 0]


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
