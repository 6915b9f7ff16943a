"""Makes the files of this folder: what a rowgate of an earlier version leaves when its process dies in the middle of its work.
Run once with that version's binary; the tests take it over with the present one.

    servers.py run tests/upgrade/make_golden.py OLD_BINARY        writes sqlite.tar.gz, mysql.tar.gz, ...
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
SPACE = "hr_golden"  # the database (MariaDB) or schema (PostgreSQL) of the servers
CONFIG = """\
storage: { url: "file:./files", spool: ./spool }
limits: { max_rejects: 50%, loads_at_once: 1 }
links: { keys: [{ id: golden, secret: "a secret of the golden files, 32 bytes" }] }
tables:
  departments:
    keys: check
    schema:
      primaryKey: [id]
      fields: [{ name: id, type: integer }, { name: department, type: string, constraints: { maxLength: 100 } }]
  jobs:
    keys: check
    schema:
      primaryKey: [id]
      fields: [{ name: id, type: integer }, { name: job, type: string, constraints: { maxLength: 100 } }]
reports:
  departments:
    sql: "SELECT id, department FROM departments ORDER BY id"
"""


def client(kind, user="loader"):
    """The server's own client, as a command that takes statements from standard input."""
    url = os.environ[f"TESTDB_{kind.upper()}"].replace("loader@", f"{user}@")
    if kind == "postgresql":
        return ["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", url]
    port = url.rpartition(":")[2].partition("/")[0]
    return ["mariadb", "--no-defaults", "-N", "-h127.0.0.1", f"-P{port}", f"-u{user}", f"-p{os.environ['TESTDB_PASSWORD']}"]


def environment():
    return {**os.environ, "PGPASSWORD": os.environ["TESTDB_PASSWORD"], "DB_PASSWORD": os.environ["TESTDB_PASSWORD"]}


def sql(kind, text, user="loader"):
    done = subprocess.run(client(kind, user), input=text, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_space(kind):
    if kind == "mysql":
        sql(kind, f"DROP DATABASE IF EXISTS {SPACE}; CREATE DATABASE {SPACE}")
    if kind == "postgresql":
        sql(kind, f"DROP SCHEMA IF EXISTS {SPACE} CASCADE; CREATE SCHEMA {SPACE}")


def database_url(kind):
    if kind == "sqlite":
        return "sqlite:./rowgate.db"
    url = os.environ[f"TESTDB_{kind.upper()}"]
    return url.rpartition("/")[0] + "/" + SPACE if kind == "mysql" else f"{url}?schema={SPACE}"


class Server:
    def __init__(self, binary, folder, kind):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        more = {} if kind == "sqlite" else {"ROWGATE_DATABASE__PASSWORD__ENV": "DB_PASSWORD"}
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", self.address], cwd=folder, stdout=subprocess.DEVNULL, stderr=(folder / "serve.log").open("ab"),
            env={**environment(), **more, "ROWGATE_DATABASE__URL": database_url(kind), "ROWGATE_SERVER__DRAIN": "0s"})
        end = time.monotonic() + 30
        while self.call("GET", "/livez")[0] != 200:
            assert time.monotonic() < end and self.process.poll() is None, (folder / "serve.log").read_text()
            time.sleep(0.05)

    def call(self, method, path, body=None, **headers):
        url = path if path.startswith("http") else f"http://{self.address}{path}"
        request = urllib.request.Request(url, body, {name.replace("_", "-"): value for name, value in headers.items()}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def load(self, table, text, mode="append", **headers):
        return self.call("POST", f"/v1/tables/{table}/loads?mode={mode}", text.encode(), Content_Type="text/csv", **headers)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def locked(kind, folder, table):
    """The table is locked by somebody else, on SQLite the whole database."""
    if kind == "sqlite":
        with contextlib.closing(sqlite3.connect(folder / "rowgate.db", isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("ROLLBACK")
        return
    statement = {"mysql": f"LOCK TABLES {SPACE}.{table} READ; SELECT 'locked';",
                 "postgresql": f"BEGIN; LOCK TABLE {SPACE}.{table} IN SHARE MODE; SELECT 'locked';"}[kind]
    holder = subprocess.Popen([*client(kind), *(["--unbuffered"] if kind == "mysql" else [])], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, env=environment())
    holder.stdin.write(statement + "\n")
    holder.stdin.flush()
    assert "locked" in holder.stdout.readline()
    yield
    holder.kill()
    holder.wait()


def make(binary, kind, target, wait):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-golden."))
    (folder / "rowgate.yaml").write_text(CONFIG)
    make_space(kind)
    server = Server(binary, folder, kind)
    expected = {}

    status, text = server.load("departments", "id,department\n1,Foundry\nx,Nowhere\n3,Tannery\n", Idempotency_Key="first")
    assert status == 200, text
    run = json.loads(text)
    expected["with_rejects"] = {"run": run["id"], "key": "first",
                                "rejects": server.call("GET", f"/v1/runs/{run['id']}/rejects", Accept="text/csv")[1]}
    assert server.load("jobs", "id,job\n1,Glazier\n")[0] == 200
    status, text = server.call("POST", "/v1/reports/departments/links", b"{}", Content_Type="application/json")
    assert status in (200, 201), text
    link = json.loads(text)
    path = "/" + link["url"].split("/", 3)[3]
    expected["link"] = {"path": path, "content": server.call("GET", path)[1]}

    # A replace that waits for a lock in its last step, a load behind it in the queue, and a process that dies.
    with locked(kind, folder, "departments"):
        waiting = [threading.Thread(target=server.load, args=("departments", text, mode), kwargs=headers) for text, mode, headers in (
            ("id,department\n7,Quarry\n", "replace", {}),
            ("id,department\n8,Forge\n9,Dairy\n", "append", {"Idempotency_Key": "queued"}))]
        for thread in waiting:
            thread.start()
            time.sleep(1)
        time.sleep(wait)
        server.kill()
        for thread in waiting:
            thread.join()
        if kind == "postgresql":  # as the end of the machine would
            sql(kind, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%departments%' "
                      "AND query NOT LIKE 'SELECT ''locked%'", "admin")
        if kind == "mysql":
            for line in sql(kind, "SELECT id FROM information_schema.processlist WHERE command <> 'Sleep' AND info LIKE '%departments%' "
                                  "AND info NOT LIKE '%processlist%'", "admin").split():
                with contextlib.suppress(AssertionError):  # it may have ended by itself
                    sql(kind, f"KILL {line}", "admin")
        time.sleep(1)
    for state in (folder / "spool/runs").glob("*.json"):
        run = json.loads(state.read_text().splitlines()[-1])
        expected["replace" if run["mode"] == "replace" else "queued"] = {"run": run["id"], "status": run["status"]}

    (folder / "serve.log").unlink()
    (folder / "expected.json").write_text(json.dumps(expected, indent=2))
    if kind == "mysql":
        dump = ["mariadb-dump", *client(kind)[1:2], *client(kind)[3:], "--skip-comments", "--skip-extended-insert", SPACE]
        (folder / "dump.sql").write_bytes(subprocess.run(dump, env=environment(), check=True, capture_output=True).stdout)
    if kind == "postgresql":
        dump = ["pg_dump", "--no-owner", "--no-privileges", "--inserts", f"--schema={SPACE}", client(kind)[-1]]
        (folder / "dump.sql").write_bytes(subprocess.run(dump, env=environment(), check=True, capture_output=True).stdout)
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, arcname=kind)
    shutil.rmtree(folder)
    print(f"{target.name}: {expected['replace']}, {expected['queued']}")


if __name__ == "__main__":
    for engine in ("sqlite", "mysql", "postgresql"):
        make(sys.argv[1], engine, HERE / f"{engine}.tar.gz", 2)
    # Loads that have failed while the ledger could not be written.
    make(sys.argv[1], "sqlite", HERE / "sqlite_unrecorded.tar.gz", 25)
