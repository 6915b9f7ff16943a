"""Disks that are full, read-only or broken, folders that are gone, no file descriptors left: the server says so and stays,
nothing is half done, and the same request works when it is over."""

import contextlib
import http.client
import itertools
import os
import pathlib
import resource
import shutil
import signal
import socket
import sqlite3
import time

import pytest

import worlds
from faults import ADDING, READING, WRITING, Faults
from server import form
from worlds import fresh_rows, wait_until

LOADS = "/v1/tables/jobs/loads"
OF_DISKS = ("storage.full", "storage.denied", "database.unreachable", "database.read_only", "file.unreadable")
IN_FLIGHT = ("receiving", "queued", "running")
keys = (f"fault-{number}" for number in itertools.count(1))


@pytest.fixture
def faults(library, tmp_path):
    return Faults(library, tmp_path / "page")


@pytest.fixture
def faulty(start, faults):
    """A server whose system calls `faults` can make fail; jobs is loaded."""
    server = start(environment=faults.environment)
    assert server.post(LOADS, (server.folder / "jobs.csv").read_bytes()).status == 200
    return server


def ledger(server, key):
    """(status, rows accepted) of the key's runs, and all versions of the table in the order of their commits."""
    with contextlib.closing(sqlite3.connect(server.folder / "data" / "rowgate.db", timeout=30)) as database:
        runs = database.execute("SELECT status, rows_accepted FROM rowgate_runs WHERE idempotency_key = ?", (key,)).fetchall()
        versions = database.execute("SELECT version_after FROM rowgate_runs WHERE table_name = 'jobs' AND status LIKE "
                                    "'succeeded%' ORDER BY rowid").fetchall()
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return runs, [row[0] for row in versions]


def spool_files(folder):
    """What was killed, or hindered, while it made a state file leaves it under its first name for a minute."""
    return [path for path in worlds.spool_files(folder) if path.suffix != ".new"]


def with_a_reject(rows=30):
    return fresh_rows(rows) + b"x,Nobody\n"


def send(server, body, key):
    return server.post(LOADS, body, {"Idempotency-Key": key})


def loads_once(server, body, key, rows, before, may_leave=False):
    """The same request again, now that nothing fails: whatever happened before, its rows are there once."""
    answer = send(server, body, key)
    assert answer.status == 200, answer.text
    again = send(server, body, key)
    assert again.status == 200 and again.headers["Idempotency-Replayed"] == "true" and again.json["id"] == answer.json["id"]
    assert len(server.rows("jobs")) == before + rows
    runs, versions = ledger(server, key)
    assert [run for run in runs if run[0].startswith("succeeded")] == [(answer.json["status"], rows)]
    assert versions == list(range(1, len(versions) + 1))
    rejects = server.get(f"/v1/runs/{answer.json['id']}/rejects").json["items"]
    assert len(rejects) == answer.json["rows"]["rejected"]
    is_well(server, may_leave)


def is_well(server, may_leave=False):
    """`may_leave`: a file that could not be removed waits for somebody to settle what is left (every start does)."""
    assert server.is_alive() and server.get("/livez").status == 200 and server.get("/readyz").status == 200
    deadline = time.monotonic() + 10
    while spool_files(server.folder) and not may_leave:
        assert time.monotonic() < deadline, [(path.name, path.read_bytes()[-2000:]) for path in spool_files(server.folder)]
        time.sleep(0.02)
    assert not [run for run in server.get("/v1/runs?limit=10").json["items"] if run["status"] in IN_FLIGHT]


# --- one thing at a time -------------------------------------------------------------------------------------------------

# A file that is there can be opened for writing on a full disk too, so for the database that fails only when it is written.
SPOOL, UPLOADS, STATES, STORE, DATABASE = "/data/spool/", "/spool/uploads/", "/spool/runs/", "/data/files/", "/rowgate.db"
PLACES = [
    (SPOOL, "ENOSPC", "storage.full"), (UPLOADS, "ENOSPC", "storage.full"), (STATES, "ENOSPC", "storage.full"),
    (STORE, "ENOSPC", "storage.full"), (DATABASE, "ENOSPC", "storage.full"), (UPLOADS, "EDQUOT", "storage.full"),
    (SPOOL, "EROFS", "storage.denied"), (STORE, "EROFS", "storage.denied"), (DATABASE, "EROFS", "database.read_only"),
    (SPOOL, "EIO", "storage.denied"), (STORE, "EIO", "storage.denied"), (DATABASE, "EIO", "database.unreachable"),
]


def calls_of(path, error):
    return ("write", "fsync") if path == DATABASE and error != "EROFS" else WRITING


@pytest.mark.parametrize("path, error, code", PLACES)
def test_what_cannot_be_written(faulty, faults, path, error, code):
    body, key, before = with_a_reject(), next(keys), faulty.rows("jobs")
    faults.arm(error, path, calls_of(path, error))
    for _ in range(2):
        answer = send(faulty, body, key)
        assert answer.status in (500, 503) and answer.problem["code"] == code, answer.text
        assert str(faulty.folder) not in answer.text, "paths are nobody's business"
        assert answer.status != 503 or int(answer.headers["Retry-After"]) > 0
    assert faults.count > 0 and faulty.get("/livez").status == 200
    faults.clear()
    assert faulty.rows("jobs") == before
    loads_once(faulty, body, key, 30, len(before))


@pytest.mark.parametrize("path, error, code", PLACES)
def test_the_original_api_tells_it_in_one_line(faulty, faults, path, error, code):
    before = faulty.rows("jobs")
    faults.arm(error, path, calls_of(path, error))
    answer = faulty.post("/db_migration?table=jobs&schema=test_db", with_a_reject())
    faults.clear()
    assert answer.status in (500, 503) and len(answer.text.splitlines()) == 1, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert faulty.rows("jobs") == before
    is_well(faulty)


def test_a_disk_that_fills_up_in_the_middle_of_a_large_body(faulty, faults):
    body, key, before = fresh_rows(200_000), next(keys), len(faulty.rows("jobs"))
    faults.arm("ENOSPC", UPLOADS, calls=("write",), first=5)
    answer = send(faulty, body, key)
    assert answer.status == 503 and answer.problem["code"] == "storage.full", answer.text
    wait_until(lambda: not spool_files(faulty.folder), 10)
    form_body, kind = form(("file", "jobs.csv", body))
    answer = faulty.post(LOADS, form_body, {"Content-Type": kind})
    assert answer.status == 503 and answer.problem["code"] == "storage.full", answer.text
    faults.clear()
    loads_once(faulty, body, key, 200_000, before)


def test_a_source_that_cannot_be_kept_does_not_undo_its_load(faulty, faults):
    """Its rows are committed when it is put away."""
    before = len(faulty.rows("jobs"))
    faults.arm("ENOSPC", "/files/sources/")
    answer = send(faulty, fresh_rows(5), next(keys))
    faults.clear()
    assert answer.status == 200 and len(faulty.rows("jobs")) == before + 5
    assert faulty.get(f"/v1/runs/{answer.json['id']}/source").status == 410
    is_well(faulty)


# --- every call once -----------------------------------------------------------------------------------------------------


def numbers(faults, least=20):
    """1, 2, ... until the calls of a load were fewer several times; how many there are varies a little."""
    fewer = 0
    for number in itertools.count(1):
        yield number
        fewer = fewer + 1 if faults.count < number else 0
        if fewer == 5:
            break
    assert number > least, "so few calls cannot be all"


@pytest.mark.parametrize("error, calls, lasts", [
    ("ENOSPC", ADDING, False), ("ENOSPC", ADDING, True), ("EIO", WRITING, False), ("EROFS", WRITING, True),
    ("EIO", READING, False), ("EIO", READING, True)])
def test_every_call_on_a_file_fails_once(faulty, faults, start, error, calls, lasts):
    """Wherever it happens: the load is answered 200 and there, or a problem and not there."""
    for number in numbers(faults, least=15 if calls == READING else 20):
        body, key, before = with_a_reject(), next(keys), faulty.rows("jobs")
        faults.arm(error, str(faulty.folder / "data"), calls, first=number, last=0 if lasts else number)
        answer = send(faulty, body, key)
        faults.clear()
        where = f"call {number}: {answer.status} {answer.text}"
        is_loaded = any(status.startswith("succeeded") for status, _ in ledger(faulty, key)[0])
        assert is_loaded == (answer.status == 200), where
        assert is_loaded or (answer.status in (500, 503) and answer.problem["code"] in OF_DISKS), where
        assert len(faulty.rows("jobs")) == len(before) + (30 if is_loaded else 0), where
        loads_once(faulty, body, key, 30, len(before), may_leave="unlink" in calls)
    assert faulty.stop() == 0
    for path in (faulty.folder / "data" / "spool").rglob("*.part"):
        os.utime(path, (time.time() - 61, time.time() - 61))  # what nobody owns goes after a minute
    is_well(start())


def test_killed_at_every_call_that_writes(start, faults):
    """And started again each time."""
    server = start(environment=faults.environment)
    assert server.post(LOADS, (server.folder / "jobs.csv").read_bytes()).status == 200
    for number in numbers(faults):
        body, key, before = with_a_reject(), next(keys), len(server.rows("jobs"))
        faults.arm(None, str(server.folder / "data"), first=number, last=number)
        with contextlib.suppress(OSError, http.client.HTTPException):
            send(server, body, key)
        faults.clear()
        if faults.count >= number:
            assert server.process.wait(20) == -signal.SIGKILL
            server = start(environment=faults.environment)
            wait_until(lambda: not [run for run in server.get("/v1/runs").json["items"] if run["status"] in IN_FLIGHT])
        loads_once(server, body, key, 30, before)


# --- folders that are gone -----------------------------------------------------------------------------------------------


def test_folders_that_are_gone_are_made_again(loaded):
    run = loaded.get("/v1/runs?table=hired_employees").json["items"][0]["id"]
    shutil.rmtree(loaded.folder / "data" / "files")
    shutil.rmtree(loaded.folder / "data" / "spool")
    for kind in ("rejects", "source"):
        assert loaded.get(f"/v1/runs/{run}/{kind}").problem["code"] == "run.rejects_expired"
    before = len(loaded.rows("jobs"))
    loads_once(loaded, with_a_reject(), next(keys), 30, before)
    made = loaded.post("/v1/reports/departments_above_mean/links", b"{}", {"Content-Type": "application/json"})
    assert made.status == 201 and loaded.get(made.json["url"][made.json["url"].index("/d/"):]).status == 200


@pytest.mark.parametrize("name", ["files", "spool"])
def test_a_file_in_the_place_of_a_folder(loaded, name):
    path = loaded.folder / "data" / name
    aside = path.with_name("aside")
    path.rename(aside)
    path.write_text("no folder")
    body, key, before = with_a_reject(), next(keys), len(loaded.rows("jobs"))
    answer = send(loaded, body, key)
    assert answer.status == 500 and answer.problem["code"] == "storage.denied", answer.text
    assert loaded.get("/livez").status == 200 and len(loaded.rows("jobs")) == before
    path.unlink()
    aside.rename(path)
    loads_once(loaded, body, key, 30, before)


# --- no descriptors ------------------------------------------------------------------------------------------------------


def test_more_connections_than_descriptors(start):
    """Those that are served go on, the others wait, and all is well when there is room again."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    server = start("limits: { idle_timeout: 1s }", before=limit)
    assert server.post(LOADS, fresh_rows(5)).status == 200
    held = []
    for _ in range(150):
        held.append(socket.create_connection(("127.0.0.1", server.port), timeout=20))
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as late:
        late.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert late.recv(100).startswith(b"HTTP/1.1 200 "), "it is its turn when idle connections were closed"
    for connection in held:
        connection.close()
    before = len(server.rows("jobs"))
    loads_once(server, with_a_reject(), next(keys), 30, before)


def test_a_load_without_descriptors(start):
    """The process may open no further file, so that one cannot be made."""
    server = start()
    body, key = with_a_reject(), next(keys)
    assert server.post(LOADS, fresh_rows(5)).status == 200
    with contextlib.ExitStack() as held, socket.create_connection(("127.0.0.1", server.port), timeout=20) as ours:
        ours.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert ours.recv(1000)
        most = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        held.callback(resource.prlimit, server.process.pid, resource.RLIMIT_NOFILE, most)
        used = {int(entry.name) for entry in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()}
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (min(set(range(len(used) + 1)) - used), most[1]))
        head = f"POST {LOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nIdempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        ours.sendall(head.encode() + body)
        got = ours.recv(65536)
        assert got.startswith(b"HTTP/1.1 503 "), got
    assert len(server.rows("jobs")) == 5
    loads_once(server, body, key, 30, 5)
