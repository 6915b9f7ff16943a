"""Reports and exports that nobody waits for any more end, at the database too, and hold nothing up meanwhile."""

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import yaml
from places import Place, Server, sql

# Cross joins: so long that no machine gets through them in the time of a test.
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
SLOW = NUMBERS + "SELECT COUNT(*) AS {} FROM n a, n b, n c, n d WHERE a.i + b.i <> c.i + d.i"
FAST = "SELECT COUNT(*) AS fast FROM departments"
CLIENTS = 20  # more than there are workers


@pytest.fixture(params=["sqlite", "mysql", "postgresql"])
def server(request, tmp_path):
    place = Place(request.param, tmp_path)
    config = yaml.safe_load((tmp_path / "rowgate.yaml").read_text())
    config["reports"] = {"slow": {"sql": SLOW.format(f"slow_{place.space}"), "timeout": "300s", "route": "/slow"}, "fast": {"sql": FAST}}
    (tmp_path / "rowgate.yaml").write_text(yaml.safe_dump(config))
    place.rowgate("load", "departments.csv")
    made = Server(place)
    made.place = place
    yield made
    made.process.kill()
    made.process.wait()
    end_all(place)
    place.drop()


def end_all(place):
    """A server that is killed leaves its statements running, at the cost of the tests that follow."""
    if place.kind == "mysql":
        for number in sql(place.kind, f"SELECT id FROM information_schema.processlist WHERE info LIKE '%slow_{place.space}%' "
                                      "AND info NOT LIKE '%processlist%'", "admin").split():
            with contextlib.suppress(subprocess.CalledProcessError):  # it may have ended by itself
                sql(place.kind, f"KILL {number}", "admin")
    if place.kind == "postgresql":
        sql(place.kind, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%slow_{place.space}%' "
                        "AND query NOT LIKE '%pg_stat_activity%'", "admin")


def running(place):
    """Statements of the slow report at the database."""
    if place.kind == "mysql":
        return int(sql(place.kind, "SELECT COUNT(*) FROM information_schema.processlist WHERE info "
                                   f"LIKE '%slow_{place.space}%' AND info NOT LIKE '%processlist%'"))
    return int(sql(place.kind, "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE "
                               f"'%slow_{place.space}%' AND query NOT LIKE '%pg_stat_activity%'"))


def until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def ask(server, request):
    host, _, port = server.address.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall((request + f" HTTP/1.1\r\nHost: {server.address}\r\nContent-Length: 0\r\n\r\n").encode())
    return connection


def status_of(server, path):
    try:
        url = path if path.startswith("http") else f"http://{server.address}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError as error:
        return 0, str(error).encode()


def is_full(server):
    """Where long work has no bounds of its own nothing at all is answered then."""
    status, text = status_of(server, "/v1/reports/fast.csv")
    return status == 0 or (status == 503 and json.loads(text)["code"] == "report.queue_full")


def test_others_are_served_while_reports_run(server):
    clients = [ask(server, "GET /v1/reports/slow.csv") for _ in range(CLIENTS)]
    until(lambda: is_full(server))
    for path in ("/readyz", "/v1/tables/departments", "/v1/runs"):
        assert status_of(server, path)[0] == 200, path
    for client in clients:
        client.close()


@pytest.mark.parametrize("request_line", ["GET /v1/reports/slow.csv", "POST /v1/reports/slow/links", "GET /slow"])
def test_reports_whose_clients_hang_up_end(server, request_line):
    """Twice, so that nothing is left of the first time."""
    place = server.place
    for _ in range(2):
        clients = [ask(server, request_line) for _ in range(CLIENTS)]
        until(lambda: is_full(server))
        if place.kind != "sqlite":
            until(lambda: running(place) > 0)
        for client in clients:
            client.close()
        until(lambda: status_of(server, "/v1/reports/fast.csv")[0] == 200)
        if place.kind != "sqlite":
            until(lambda: running(place) == 0)


def test_other_requests_do_not_wait_for_reports(server):
    with contextlib.ExitStack() as held:
        for _ in range(CLIENTS):
            held.enter_context(ask(server, "GET /v1/reports/slow.csv"))
        until(lambda: is_full(server))
        for path in ("/livez", "/readyz", server.admin + "/metrics", "/v1", "/v1/tables/departments/rows"):
            assert status_of(server, path)[0] == 200, path


def test_a_client_that_has_closed_its_side_only_is_answered(server):
    """It is asked by an interim answer, which every client of HTTP/1.1 must bear."""
    with ask(server, "GET /v1/reports/slow.csv") as client:
        if server.place.kind != "sqlite":
            until(lambda: running(server.place) == 1)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1000) == b"HTTP/1.1 102 Processing\r\n\r\n"
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            client.recv(1000)
        if server.place.kind != "sqlite":
            assert running(server.place) == 1


def test_a_server_that_stops_ends_its_reports(server):
    with ask(server, "GET /v1/reports/slow.csv"):
        if server.place.kind == "sqlite":
            time.sleep(0.5)
        else:
            until(lambda: running(server.place) == 1)
        server.process.terminate()
        assert server.process.wait(30) == 0
        if server.place.kind != "sqlite":
            until(lambda: running(server.place) == 0)
