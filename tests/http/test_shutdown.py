"""SIGTERM: not ready at once, then the door closes, what is under way ends or is put off, and the process ends in time."""

import contextlib
import signal
import socket
import threading
import time

import pytest

from server import answers_in
from worlds import ENDLESS, fresh_rows, locked, meanwhile, spool_files, wait_until

LOADS = "/v1/tables/jobs/loads"


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=40)


def listens(server):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


def read_all(connection):
    got = b""
    while piece := connection.recv(65536):
        got += piece
    return got


def in_state(server, status):
    return [run["id"] for run in server.get("/v1/runs").json["items"] if run["status"] == status]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_not_ready_while_it_drains(start, number):
    """Those who ask /readyz send no more; who comes all the same is served."""
    server = start("server: { drain: 2s }")
    assert server.get("/readyz").status == 200
    begin = time.monotonic()
    server.process.send_signal(number)
    wait_until(lambda: server.get("/readyz").status == 503, 1)
    assert time.monotonic() - begin < 1
    assert server.get("/livez").status == 200
    assert server.post(LOADS, fresh_rows(3)).status == 200
    wait_until(lambda: not listens(server), 5)
    assert 1.9 < time.monotonic() - begin
    assert server.process.wait(5) == 0 and len(server.rows("jobs")) == 3


def test_idle_connections_do_not_hold_it(start):
    server = start()
    with contextlib.ExitStack() as held:
        connections = [held.enter_context(connect(server)) for _ in range(50)]
        for connection in connections[:25]:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(1000)
        server.process.terminate()
        assert server.process.wait(5) == 0


def test_an_answer_that_is_being_read_is_given_whole(loaded):
    """Slowly, for as long as a stopped server waits."""
    with connect(loaded) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # As many requests as make more bytes than the sockets hold; only the first is answered before the door closes.
        connection.sendall(b"GET /v1/tables/hired_employees/rows HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n" * 100)
        got = connection.recv(100)
        loaded.process.terminate()
        wait_until(lambda: not listens(loaded))
        time.sleep(0.3)
        got += read_all(connection)
    for answer in answers_in(got):
        assert answer.status == 200 and len(answer.text.splitlines()) == 1995
    assert loaded.process.wait(10) == 0


def test_a_report_that_runs_is_told(start):
    server = start(f"reports: {{ slow: {{ timeout: 2s, sql: '{ENDLESS}' }} }}")
    assert server.post(LOADS, fresh_rows(1)).status == 200
    with meanwhile(lambda: server.get("/v1/reports/slow.csv")) as answers:
        time.sleep(0.5)
        server.process.terminate()
    assert answers[0].status == 504, answers[0]
    assert server.process.wait(10) == 0


def test_a_load_in_its_middle_goes_on_with_the_next_start(start):
    server = start("limits: { sync_wait: 30s }")
    assert server.post(LOADS, fresh_rows(1)).status == 200
    body, key = fresh_rows(300_000), {"Idempotency-Key": "stopped"}
    with meanwhile(lambda: server.post(LOADS, body, key)) as answers:
        wait_until(lambda: in_state(server, "running"))
        begin = time.monotonic()
        server.process.terminate()
    assert answers[0].status == 202 and answers[0].json["status"] == "interrupted", answers[0]
    assert server.process.wait(20) == 0 and time.monotonic() - begin < 10
    assert len(server.rows("jobs")) == 1
    again = start("limits: { sync_wait: 30s }")
    run = answers[0].json["id"]
    assert again.ended(run)["status"] == "succeeded"
    repeated = again.post(LOADS, body, key)
    assert (repeated.status, repeated.json["id"]) == (200, run) and repeated.headers["Idempotency-Replayed"] == "true"
    assert len(again.rows("jobs")) == 300_001 and again.version("jobs") == 2
    assert not spool_files(again.folder)


def test_what_waits_in_the_queue_is_answered_and_loaded_by_the_next_start(start):
    server = start("limits: { sync_wait: 30s }")
    assert server.post(LOADS, fresh_rows(1)).status == 200
    answers = []
    clients = [threading.Thread(target=lambda: answers.append(server.post(LOADS, fresh_rows(2)))) for _ in range(4)]
    with locked(server.folder):
        for client in clients:
            client.start()
        wait_until(lambda: len(in_state(server, "queued")) == 3 and in_state(server, "running"))
        server.process.terminate()
        time.sleep(0.5)
    for client in clients:
        client.join()
    assert [answer.status for answer in answers] == [202] * 4, answers
    assert server.process.wait(20) == 0 and len(server.rows("jobs")) == 1
    again = start()
    for answer in answers:
        assert again.ended(answer.json["id"])["status"] == "succeeded"
    assert len(again.rows("jobs")) == 9 and not spool_files(again.folder)


def test_a_second_signal_ends_it_at_once(start):
    server = start("server: { drain: 30s }")
    begin = time.monotonic()
    server.process.terminate()
    wait_until(lambda: server.get("/readyz").status == 503)
    server.process.terminate()
    assert server.process.wait(2) == 130 and time.monotonic() - begin < 4


def test_nobody_holds_it_longer_than_25_seconds(start):
    """One crawls through a body, fast enough to be borne; one has sent half a request."""
    server = start("server: { drain: 1s }\nlimits: { idle_timeout: 60s, min_bytes_per_second: 1B }")
    begin = time.monotonic()
    with connect(server) as crawling, connect(server) as stuck:
        crawling.sendall(f"POST {LOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 1000000\r\n\r\n".encode())
        stuck.sendall(b"GET /v1 HT")
        wait_until(lambda: in_state(server, "receiving"))
        server.process.terminate()
        with contextlib.suppress(OSError):
            while server.is_alive() and time.monotonic() - begin < 40:
                crawling.sendall(b"id,job\n" * 10)
                time.sleep(0.2)
        assert server.process.wait(1) == 0
    assert 16 < time.monotonic() - begin < 35
    again = start()
    assert not spool_files(again.folder) and again.rows("jobs") == []
    assert {run["status"] for run in again.get("/v1/runs").json["items"]} <= {"interrupted"}
