"""A table that somebody else holds locked: whoever asks for anything else is answered."""

import contextlib
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
from places import Server

READERS = 20  # more than there are workers


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


def test_readers_that_wait_for_it_are_in_nobodys_way(server):
    with locked(server.place, "departments"):
        readers = [threading.Thread(target=status_of, args=(server, "/v1/tables/departments/rows", 60)) for _ in range(READERS)]
        for reader in readers:
            reader.start()
        time.sleep(0.5)
        for path in ("/livez", "/readyz", server.admin + "/metrics", "/v1"):
            assert status_of(server, path, timeout=5) == 200, path
    for reader in readers:
        reader.join()
    assert json.loads(server.get("/v1/tables/departments"))["rows"] == 12


def test_the_first_who_asks_for_metrics_holds_up_nobody(server):
    with locked(server.place, "departments"):
        askers = [threading.Thread(target=status_of, args=(server, server.admin + "/metrics", 60)) for _ in range(READERS)]
        for asker in askers:
            asker.start()
        time.sleep(0.5)
        for path in ("/livez", "/readyz", "/v1"):
            assert status_of(server, path, timeout=5) == 200, path
    for asker in askers:
        asker.join()
