"""A table that somebody else holds locked: whoever asks for anything else is answered."""

import contextlib
import os
import subprocess
import urllib.error
import urllib.request

import pytest
from places import Server


@contextlib.contextmanager
def locked(place, table):
    """Against readers too, by a client of the database's own."""
    url = os.environ[f"TESTDB_{place.kind.upper()}"]
    port, _, database = url.partition("@")[2].partition(":")[2].partition("/")
    name = f"{place.space}.{table}"
    if place.kind == "mysql":
        command = ["mariadb", "--no-defaults", "-N", "-n", "-h127.0.0.1", f"-P{port}", "-uloader", f"-p{os.environ['TESTDB_PASSWORD']}",
                   database]
        statements = f"LOCK TABLES {name} WRITE;\nSELECT 'locked';\n"
    else:
        command = ["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", url]
        statements = f"BEGIN;\nLOCK TABLE {name} IN ACCESS EXCLUSIVE MODE;\nSELECT 'locked';\n"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PGPASSWORD": os.environ["TESTDB_PASSWORD"]}) as client:
        client.stdin.write(statements)
        client.stdin.flush()
        assert client.stdout.readline().strip() == "locked"
        yield
        client.stdin.close()


@pytest.fixture
def server(place):
    place.rowgate("load", "departments.csv", "jobs.csv")
    made = Server(place)
    made.place = place
    yield made
    made.process.kill()
    made.process.wait()


def status_of(server, path, timeout):
    try:
        url = path if path.startswith("http") else f"http://{server.address}{path}"
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError as error:
        return str(error)


def test_what_asks_for_no_rows_reads_none(server):
    """A name that is no table's, and what monitors ask, which needs no key."""
    server.get(server.admin + "/metrics")
    with locked(server.place, "departments"):
        for path, status in (("/v1/tables/department", 404), ("/v1/tables/nope/rows", 404), ("/readyz", 200)):
            assert status_of(server, path, timeout=5) == status, path


def test_metrics_read_no_rows(server):
    server.get(server.admin + "/metrics")
    with locked(server.place, "departments"):
        assert status_of(server, server.admin + "/metrics", timeout=5) == 200
