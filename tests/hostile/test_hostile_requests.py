"""Hostile requests: heads, JSON, pages, links, reports and slow readers, and what they make the server take."""

import itertools
import json
import random
import socket
import time

import pytest

import colliding
from files import COLUMNS, FILES, TWO, WIDE, noise, write
from sizes import KIB, LINES, MIB, SERVER_MIB, either

JSON = {"Content-Type": "application/json"}
CSV = {"Accept": "text/csv"}
BODY = MIB  # limits.max_body_bytes
PARAMETERS, PARAMETER = 8, 4096
ECHO = ", ".join(f":p{number} AS p{number}" for number in range(PARAMETERS))
REPORTS = {
    "echo": {"sql": f"SELECT {ECHO}", "reuse": "0s",
             "params": {f"p{number}": {"type": "string", "default": ""} for number in range(PARAMETERS)}},
    "cells": {"sql": "SELECT a, b FROM two", "sort": ["-b", "a"]},
    "made": {"sql": "SELECT hex(zeroblob(:size)) AS x, 1 AS y UNION ALL SELECT hex(zeroblob(:size)), 2", "sort": ["-y"],
             "params": {"size": {"type": "integer", "default": 1}}},
}
LINKS = "/v1/reports/echo/links"
AT_ONCE_MIB = {1: SERVER_MIB, 8: SERVER_MIB + 7 * 100}  # of so many requests at once: what sorts has 32 MiB, and a row of each part


# Each kind of request has a server of its own, since allocators give back late what the last one took.


@pytest.fixture(scope="module")
def server(serve):
    made = serve(reports=REPORTS)
    assert made.post("/v1/tables/two/loads", TWO).status == 200
    return made


@pytest.fixture
def fresh(serve):
    made = serve(reports=REPORTS)
    assert made.post("/v1/tables/two/loads", TWO).status == 200
    yield made
    made.stop()


@pytest.fixture
def with_cells(fresh, tmp_path):
    """A server whose table two has cells of 1 MiB, and the bytes of the table."""
    table, make = FILES["fields at the limit"]
    path = tmp_path / "cells.csv"
    make(path)
    answer = fresh.upload(f"/v1/tables/{table}/loads?mode=replace", path)
    assert fresh.ended(answer.json["id"], 600)["status"] == "succeeded"
    return fresh, path.stat().st_size


def members(names):
    return b"{" + b",".join(b'"%s":1' % name.encode() for name in names) + b"}"


def random_names(count):
    source = random.Random(3)
    return ["".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=48)) for _ in range(count)]


def padded(start, unit, end):
    times = (BODY - len(start) - len(end)) // len(unit)
    return start + unit * times + end


BODIES = {
    "arrays": padded(b'{"params":', b"[", b"}"),
    "closed arrays": b'{"params":' + b"[" * (BODY // 2 - 20) + b"]" * (BODY // 2 - 20) + b"}",
    "objects": padded(b'{"params":', b'{"a":', b"}"),
    "one name": padded(b"{", b'"a":1,', b'"a":1}'),
    "a long name": padded(b'{"', b"x", b'":1}'),
    "a long text": padded(b'{"params":{"p0":"', b"x", b'"}}'),
    "escapes": padded(b'{"params":{"p0":"', b"\\u0000", b'"}}'),
    "surrogates": padded(b'{"params":{"p0":"', b"\\ud800", b'"}}'),
    "a long number": padded(b'{"expires_in":', b"9", b"}"),
    "a small exponent": padded(b'{"expires_in":1e', b"9", b"}"),
    "spaces": padded(b"", b" ", b"{}"),
    "numbers": padded(b'{"params":[', b"1,", b"1]}"),
    "quotes": padded(b"", b'"', b""),
    "no JSON": padded(b"", b"\xff", b""),
}


@pytest.fixture(scope="module")
def seconds_of_json(server):
    """What the names of an object cost that mean no harm."""
    body = members(random_names(BODY // 53))
    with server.within("random names") as cost:
        for _ in range(4):
            assert server.post(LINKS, body, JSON).status in (400, 422)
    return cost.seconds / 4


@pytest.mark.parametrize("name", BODIES)
def test_a_body_of_json(server, seconds_of_json, name):
    with server.within(f"JSON: {name}", seconds=0.5 + 8 * seconds_of_json) as cost:
        answer = server.post(LINKS, BODIES[name], JSON)
        assert answer.status in (201, 400, 422), answer
        cost.said = f"{answer.status}, {len(answer.body)} bytes"
    assert len(answer.body) <= 64 * KIB


def test_bodies_of_json_at_once(fresh):
    with fresh.within("eight bodies of numbers at once", mib=AT_ONCE_MIB[8]):
        answers = fresh.at_once(8, lambda _: fresh.drain("POST", LINKS, BODIES["numbers"], JSON))
    assert {answer.status for answer, _ in answers} == {400}


def test_names_that_collide_cost_no_more(server, seconds_of_json):
    body = members(colliding.texts())
    assert BODY * 0.9 < len(body) <= BODY
    with server.within("names that collide", seconds=0.1 + 4 * 4 * seconds_of_json):
        for _ in range(4):
            assert server.post(LINKS, body, JSON).status in (400, 422)


def test_members_that_collide_cost_no_more(server, tmp_path):
    """In cells that are JSON objects."""
    costs = []
    for names in random_names(colliding.WAYS**colliding.STAGES - 2000), colliding.texts()[2000:]:
        object_ = members(names).decode().replace('"', '""').encode()
        size = write(tmp_path / "members.csv", b"a,b\n", (b'1,"' + object_ + b'"\n', 8))
        with server.within(f"members in {size / MIB:.1f} MiB") as cost:
            answer = server.upload("/v1/tables/json/loads?mode=replace", tmp_path / "members.csv")
            assert answer.status in (200, 422), answer
        costs.append(cost.seconds)
    assert costs[1] <= 0.5 + 4 * costs[0]


def test_a_body_beyond_the_limit(server):
    for size in BODY + 1, LINES:
        with server.within(f"{size} bytes of JSON", mib=100):
            try:
                assert server.post(LINKS, b" " * size, JSON).status == 413
            except (BrokenPipeError, ConnectionResetError):
                pass


HEADS = {
    "a long target": [b"GET /", (b"x", LINES), b" HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "a long method": [(b"G", LINES)],
    "a long version": [b"GET / HTTP/", (b"1", LINES)],
    "a long name": [b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n", (b"x", LINES), b": 1\r\n\r\n"],
    "a long value": [b"GET /v1 HTTP/1.1\r\nHost: localhost\r\nX: ", (b"x", LINES), b"\r\n\r\n"],
    "many fields": [b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n", (b"X: y\r\n", LINES // 6), b"\r\n"],
    "empty lines first": [(b"\r\n", LINES // 2), b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    "a long extension of a chunk": [b"POST /v1/tables/two/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                                    b"Transfer-Encoding: chunked\r\n\r\n1;", (b"x", LINES)],
    "a long size of a chunk": [b"POST /v1/tables/two/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                               b"Transfer-Encoding: chunked\r\n\r\n", (b"0", LINES)],
    "extensions of many chunks": [b"POST /v1/tables/two/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                                  b"Transfer-Encoding: chunked\r\n\r\n", (b"1;" + b"x" * 500 + b"\r\na\r\n", LINES // 512)],
    "a long trailer": [b"POST /v1/tables/two/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
                       b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", (b"X: y\r\n", LINES // 6), b"\r\n"],
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_without_end(server, tmp_path, name):
    """It is refused long before it has been sent whole."""
    write(tmp_path / "head", *HEADS[name])
    with server.within(f"head: {name}", mib=150, seconds=1.0) as cost:
        got = b""
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection, \
                open(tmp_path / "head", "rb") as file:
            try:
                connection.sendfile(file)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            try:
                while piece := connection.recv(65536):
                    got += piece
            except OSError:
                pass
        cost.said = f"{len(got)} bytes: {got[:12]}"
    assert len(got) <= 16 * KIB
    assert got[:10] in (b"", b"HTTP/1.1 4"), got[:200]


FIELDS = {
    "media types": ("/v1/tables/two/rows?limit=1", {"Accept": ",".join(f"a/b{number};q=0.{number}" for number in range(900))}),
    "parameters": ("/v1/tables/two/rows?" + "&".join(f"a{number}=1" for number in range(800)), {}),
    "parameters of a report": ("/v1/reports/echo.csv?" + "&".join(f"p{number}=1" for number in range(800)), {}),
    "percents": ("/v1/tables/" + "%41" * 2600, {}),
    "slashes": ("/" * 8000, {}),
    "entity tags": ("/v1/tables/two", {"If-None-Match": ",".join(f'"{number}"' for number in range(2000))}),
    "addresses": ("/v1", {"X-Forwarded-For": ",".join(["1.2.3.4"] * 1800)}),
    "ranges": ("/openapi.yaml", {"Range": "bytes=" + ",".join(f"{number}-" for number in range(2000))}),
    "a key": ("/v1", {"Authorization": "Bearer " + "x" * 15000}),
    "an idempotency key": ("/v1", {"Idempotency-Key": '"' + "x" * 15000 + '"'}),
}


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_at_the_limit(server, name):
    target, headers = FIELDS[name]
    with server.within(f"fields: {name}", mib=150, seconds=1.0) as cost:
        for _ in range(20):
            answer, size = server.drain("GET", target, headers=headers)
            assert answer.status < 500, answer
        cost.said = f"{answer.status}, {size} bytes"


def test_pages_of_runs_with_many_groups(fresh, tmp_path):
    """Each of the runs has a group of rejects for each of its columns."""
    count = either(400, 100)
    body = WIDE + b",".join([b"x"] * COLUMNS) + b"\n"
    with fresh.within(f"{count} runs"):
        for _ in range(count):
            assert fresh.post("/v1/tables/integers/validate", body).status == 422
    for at_once in 1, 8:
        with fresh.within(f"{at_once} pages of runs at once", mib=AT_ONCE_MIB[at_once]) as cost:
            answers = fresh.at_once(at_once, lambda _: fresh.drain("GET", "/v1/runs?limit=1000"))
            cost.said = str([size for _, size in answers])
        assert {answer.status for answer, _ in answers} == {200}
        assert max(size for _, size in answers) <= 6 * MIB


def test_pages_of_links_with_long_parameters(fresh):
    count = either(400, 100)
    parameters = {f"p{number}": noise(PARAMETER, number).decode() for number in range(PARAMETERS)}
    with fresh.within(f"{count} links") as cost:
        for number in range(count):
            answer = fresh.post(LINKS, json.dumps({"params": {**parameters, "p0": str(number)}}).encode(), JSON)
            assert answer.status == 201, answer
    longer = fresh.post(LINKS, json.dumps({"params": {"p0": "x" * (PARAMETER + 1)}}).encode(), JSON)
    assert longer.status == 400, longer
    for at_once, target in itertools.product((1, 8), ("/v1/links?limit=1000", "/v1/reports/echo", "/v1/reports?limit=1000")):
        with fresh.within(f"{target}, {at_once} at once", mib=AT_ONCE_MIB[at_once]) as cost:
            answers = fresh.at_once(at_once, lambda _: fresh.drain("GET", target))
            cost.said = str([size for _, size in answers])
        assert {answer.status for answer, _ in answers} == {200}
        assert max(size for _, size in answers) <= 6 * MIB


@pytest.mark.parametrize("at_once", [1, 8])
@pytest.mark.parametrize("target, headers", [("/v1/tables/two/rows?limit=1000", {}), ("/v1/tables/two/rows", CSV),
                                             ("/v1/tables/two/rows?limit=1000", CSV), ("/v1/reports/cells.csv", {}),
                                             ("/v1/reports/cells.json", {})],
                         ids=["a page of JSON", "CSV", "a page of CSV", "a report as CSV", "a report as JSON"])
def test_cells_at_the_limit(with_cells, target, headers, at_once):
    server, size = with_cells
    with server.within(f"{target} {headers}, {at_once} at once", mib=AT_ONCE_MIB[at_once],
                       scratch=(4 * size + 8 * MIB) * at_once) as cost:
        answers = server.at_once(at_once, lambda _: server.drain("GET", target, headers=headers))
        cost.said = str([size for _, size in answers])
    assert {answer.status for answer, _ in answers} <= {200, 503}


def test_cells_that_a_report_makes(fresh):
    """A report that lets its caller choose how large a cell is, at a size of 16 MiB."""
    for kind in "csv", "json":
        with fresh.within(f"cells of 16 MiB as {kind}") as cost:
            answer, size = fresh.drain("GET", f"/v1/reports/made.{kind}?size={8 * MIB}")
            cost.said = f"{answer.status}, {size} bytes"
        assert answer.status == 200 and size > 2 * 16 * MIB


def test_readers_that_take_their_time(with_cells):
    """Eight of them have a whole table under way, and nothing waits for them."""
    server, size = with_cells
    readers = []
    with server.within("slow readers", mib=AT_ONCE_MIB[8], scratch=8 * (size + 8 * MIB)) as cost:
        for _ in range(8):
            reader = socket.socket()
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", server.port))
            reader.sendall(b"GET /v1/tables/two/rows HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n")
            readers.append(reader)
        for turn in range(20):
            for reader in readers:
                assert reader.recv(4096)
            if turn in (5, 15):
                answer = server.post("/v1/tables/two/loads?mode=replace", TWO)
                assert answer.status == 200, answer
            time.sleep(0.1)
        for reader in readers:
            reader.close()
    assert cost.scratch > 0
