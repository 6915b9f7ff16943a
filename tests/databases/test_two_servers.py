"""Two servers on one database: one request that comes to both at once is done once, and both give the same answer."""

import json
import threading
import urllib.error
import urllib.request

import pytest
from places import Server

ROUNDS = 6


@pytest.fixture
def servers(any_place):
    """Each has a spool of its own, as on two machines."""
    made = []
    for name in ("first", "second"):
        any_place.environment["ROWGATE_STORAGE__SPOOL"] = str(any_place.folder / f"spool of the {name}")
        made.append(Server(any_place))
        made[-1].place = any_place
    yield made
    for server in made:
        server.stop()


def post(server, path, body, key):
    request = urllib.request.Request(f"http://{server.address}{path}", body,
                                     {"Content-Type": "text/csv", "Idempotency-Key": key, "Prefer": "wait=30"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def rows(first, count=300):
    """With a primary key, so that a second load of them would be refused."""
    return ("id,department\n" + "".join(f"{first + number},Department {first + number}\n" for number in range(count))).encode()


def test_one_key_at_both_at_once_is_one_load(servers):
    place = servers[0].place
    assert post(servers[0], "/v1/tables/departments/loads", b"id,department\n1,First\n", "first")[0] == 200
    for number in range(ROUNDS):
        body, answers = rows(1000 * (number + 1)), []
        clients = [threading.Thread(target=lambda server=server, body=body, number=number: answers.append(
            post(server, "/v1/tables/departments/loads", body, f"round {number}"))) for server in servers]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        assert {status for status, _ in answers} <= {200, 409}, answers
        done = {answer["id"] for status, answer in answers if status == 200}
        assert len(done) == 1, answers
        for server in servers:
            again = post(server, "/v1/tables/departments/loads", body, f"round {number}")
            assert again[0] == 200 and again[1]["id"] in done, again
    assert json.loads(place.rowgate("tables", "departments", "--json"))["rows"] == 1 + ROUNDS * 300
    assert json.loads(place.rowgate("tables", "departments", "--json"))["version"] == 1 + ROUNDS
