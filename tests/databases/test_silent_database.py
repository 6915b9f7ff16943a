"""A database that takes connections and says nothing ends in an error, and never holds the process."""

import contextlib
import http.client
import json
import re
import threading
import time
import urllib.error
import urllib.request

import pytest
from places import Server, numbers_of, sql
from stalling import StallingProxy

BULK = {"mysql": rb"LOAD DATA LOCAL", "postgresql": rb"COPY .* FROM STDIN"}


@pytest.fixture
def through(place):
    """The place, reached through a proxy, and with little patience."""
    place.rowgate("load", "departments.csv", "jobs.csv", "hired_employees.csv", code=None)
    url = place.environment["ROWGATE_DATABASE__URL"]
    port = int(re.search(r":(\d+)/", url)[1])
    place.proxy = StallingProxy(port)
    place.environment["ROWGATE_DATABASE__URL"] = url.replace(f":{port}/", f":{place.proxy.address}/")
    yield place
    place.proxy.stop()


def be_impatient(place):
    place.environment |= {"ROWGATE_DATABASE__ANSWER_TIMEOUT": "2s", "ROWGATE_DATABASE__LOAD_TIMEOUT": "3s"}


@pytest.fixture
def server(through):
    made = Server(through)
    made.place = through
    yield made
    through.proxy.go_on()
    made.process.kill()
    made.process.wait()


def answer_to(server, path, body=None, timeout=50, prefer="wait=40"):
    request = urllib.request.Request(f"http://{server.address}{path}", body, {"Content-Type": "text/csv", "Prefer": prefer})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def rows(count):
    return ("id,department\n" + "".join(f"{number},Department {number}\n" for number in range(1000, 1000 + count))).encode()


@pytest.mark.parametrize("path", ["/v1/tables/departments", "/v1/tables/departments/rows", "/v1/runs",
                                  "/v1/reports/departments_above_mean.csv"])
def test_answers_end_in_an_error(through, path):
    be_impatient(through)
    server = Server(through)
    try:
        server.get(path)  # which keeps a connection
        through.proxy.stall()
        status, problem = answer_to(server, path)
        assert (status, problem["code"]) == (503, "database.unreachable"), problem
        through.proxy.go_on()
        server.get(path)
    finally:
        through.proxy.go_on()
        server.process.kill()
        server.process.wait()


def test_a_load_in_its_middle_goes_on_when_the_database_speaks_again(through):
    be_impatient(through)
    server = Server(through)
    try:
        through.proxy.stall_at(BULK[through.kind])
        answers = []
        client = threading.Thread(target=lambda: answers.append(answer_to(
            server, "/v1/tables/departments/loads", rows(10), timeout=100)))
        client.start()
        assert through.proxy.stalled.wait(20)
        time.sleep(5)  # longer than load_timeout
        through.proxy.go_on()
        client.join()
        status, run = answers[0]
        assert status in (200, 202), run
        end = time.monotonic() + 60
        while run["status"] in ("running", "queued"):
            assert time.monotonic() < end, run
            time.sleep(0.2)
            run = json.loads(server.get(f"/v1/runs/{run['id']}"))
        assert run["status"] == "succeeded" and numbers_of(through)[0][0] == 22
    finally:
        server.process.kill()
        server.process.wait()


def test_the_process_ends_in_time_in_the_middle_of_a_load(server):
    """With the patience that is the default, which is longer than anybody waits for a process to end."""
    place = server.place
    place.proxy.stall_at(BULK[place.kind])
    status, run = answer_to(server, "/v1/tables/departments/loads", rows(10), prefer="wait=0")
    assert status in (200, 202), run
    assert place.proxy.stalled.wait(20)
    begin = time.monotonic()
    server.process.terminate()
    assert server.process.wait(40) == 0 and time.monotonic() - begin < 35
    place.proxy.go_on()
    again = Server(place)
    try:
        end = time.monotonic() + 60
        while (found := json.loads(again.get(f"/v1/runs/{run['id']}")))["status"] != "succeeded":
            assert time.monotonic() < end, found
            time.sleep(0.2)
        assert int(sql(place.kind, f"SELECT COUNT(*) FROM {place.space}.departments")) == 22
    finally:
        again.stop()


def test_the_process_ends_in_time_while_answers_are_waited_for(server):
    place = server.place
    server.get("/v1/tables/departments")
    place.proxy.stall()

    def give_up():
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer_to(server, "/v1/tables/departments")

    clients = [threading.Thread(target=give_up) for _ in range(3)]
    for client in clients:
        client.start()
    time.sleep(0.5)
    begin = time.monotonic()
    server.process.terminate()
    assert server.process.wait(40) == 0 and time.monotonic() - begin < 35


def test_a_server_that_owes_a_load_starts_without_its_database(through):
    """And does what it owes when the database is back."""
    server = Server(through)
    through.proxy.stall_at(BULK[through.kind])
    status, run = answer_to(server, "/v1/tables/departments/loads", rows(10), prefer="wait=0")
    assert status in (200, 202), run
    assert through.proxy.stalled.wait(20)
    server.process.kill()
    server.process.wait()
    through.proxy.closed = True
    through.proxy.go_on()

    again = Server(through, "/livez")
    try:
        through.proxy.closed = False
        end = time.monotonic() + 60
        while answer_to(again, f"/v1/runs/{run['id']}")[1].get("status") != "succeeded":
            assert time.monotonic() < end
            time.sleep(0.2)
        assert int(sql(through.kind, f"SELECT COUNT(*) FROM {through.space}.departments")) == 22
    finally:
        again.stop()
