"""Loads whose connection breaks while they are committed: nothing is lost, nothing is loaded twice, and what is not known
yet is called undecided."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from cutting import CuttingProxy
from places import ROWGATE, Server, sql

COMMIT = rb"COMMIT(?!TED)"  # READ COMMITTED is none
COMMITS = {"mysql": [COMMIT, rb"RENAME TABLE"], "postgresql": [COMMIT]}


@pytest.fixture
def through(place):
    """The place, reached through a proxy."""
    url = place.environment["ROWGATE_DATABASE__URL"]
    port = int(re.search(r":(\d+)/", url)[1])
    proxy = CuttingProxy(port)
    place.environment["ROWGATE_DATABASE__URL"] = url.replace(f":{port}/", f":{proxy.address}/")
    place.proxy = proxy
    yield place
    proxy.stop()


EVENTS = """tables:
  events:
    schema: { fields: [{ name: n, type: integer }, { name: copy, type: integer }] }
"""


@pytest.fixture
def by_hand(through):
    """The same with a table without a key in its configuration."""
    config = through.folder / "rowgate.yaml"
    config.write_text(config.read_text().replace("tables:\n", EVENTS, 1))
    return through


@pytest.fixture
def server(through):
    through.rowgate("load", "departments.csv")
    through.rowgate("load", "jobs.csv")
    # Without a key, so that what is loaded twice would show.
    prefix = f"`{through.space}`." if through.kind == "mysql" else f"{through.space}."
    through.events = prefix + "events"
    made = Server(through)
    made.place = through
    body = b"n,copy\n0,0\n"
    assert made.post(f"/db_migration?table=events&schema={through.space}", body)[0] == 200
    yield made
    made.stop()


def post(server, number, mode, wait=30):
    """Three rows of this number under a key of its own."""
    rows = "".join(f"{number},{copy}\n" for copy in range(3))
    request = urllib.request.Request(
        f"http://{server.address}/v1/tables/events/loads?mode={mode}", ("n,copy\n" + rows).encode(),
        {"Content-Type": "text/csv", "Idempotency-Key": f"load {number}", "Prefer": f"wait={wait}"})
    try:
        with urllib.request.urlopen(request, timeout=90) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def until_loaded(server, number, mode):
    """As a client that repeats its request until it knows."""
    end = time.monotonic() + 60
    while True:
        status, answer = post(server, number, mode)
        if status == 200:
            return answer
        assert status in (202, 409, 503), (status, answer)
        assert time.monotonic() < end, answer
        time.sleep(0.2)


def until_recorded(place):
    """The server has told the ledger all that it had to."""
    end = time.monotonic() + 60
    while list((place.folder / "data/spool/runs").glob("run_*.json")):
        assert time.monotonic() < end
        time.sleep(0.1)


def rows(server):
    place = server.place
    counts = sql(place.kind, f"SELECT n, COUNT(*) FROM {place.events} GROUP BY n ORDER BY n")
    return [tuple(int(part) for part in re.split(r"[|\t]", line)) for line in counts.splitlines()]


def runs(server):
    return [run for run in json.loads(server.get("/v1/runs?table=events&limit=1000"))["items"]]


def lose_every_message(server, mode, after):
    """Wherever the connection breaks, a client that repeats its request under its key loads exactly once."""
    expected = [(0, 1)]
    for number in range(1, 200):
        server.place.proxy.arm(after, at=number, closed_for=0.2)
        until_loaded(server, number, mode)
        was_cut = server.place.proxy.was_cut
        server.place.proxy.disarm()
        expected = expected + [(number, 3)] if mode == "append" else [(number, 3)]
        assert rows(server) == expected, f"cut at message {number}"
        if not was_cut:
            break
    assert number > 10, "too few messages to say anything"

    done = [run for run in runs(server) if run["status"] == "succeeded"]
    assert len(done) == number + 1
    assert [run["table_version"]["after"] for run in done] == list(range(number + 1, 0, -1))
    leftovers = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{}' AND table_name LIKE '\\_\\_rg\\_%'"
    assert sql(server.place.kind, leftovers.format(server.place.space)) == "0"


def commits(kind, mode):
    return [word for word in COMMITS[kind] if mode == "replace" or word == COMMIT]


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_commit_without_answer_is_undecided(server, mode, after):
    """The database goes away with the answer, for longer than rowgate tries again."""
    number = 0
    for word in commits(server.place.kind, mode):
        number += 1
        server.place.proxy.arm(after, containing=word, closed_for=3600)
        status, problem = post(server, number, mode)
        assert (status, problem["code"]) == (503, "run.undecided"), problem
        run = problem["instance"]
        assert re.fullmatch(r"/v1/runs/run_[0-9A-Z]{26}", run), problem

        # Its key is taken until it is decided: nobody can load the file a second time.
        status, again = post(server, number, mode)
        assert status == 503 and again["code"] in ("run.undecided", "database.unreachable"), again

        server.place.proxy.disarm()
        server.place.proxy.open()
        end = time.monotonic() + 60
        while json.loads(server.get(run))["status"] == "undecided":
            assert time.monotonic() < end
            time.sleep(0.1)
        decided = json.loads(server.get(run))["status"]
        # On the MySQL family a replace is committed by its RENAME TABLE, which then was not sent.
        is_done = after and not (server.place.kind == "mysql" and mode == "replace" and word == COMMIT)
        assert decided == ("succeeded" if is_done else "failed")
        answer = until_loaded(server, number, mode)
        assert (answer["id"] == run.rsplit("/", 1)[1]) == (decided == "succeeded")
        expected = [(0, 1)] + [(n, 3) for n in range(1, number + 1)] if mode == "append" else [(number, 3)]
        assert rows(server) == expected


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_request_that_is_repeated_after_an_unknown_commit_is_done_once(server, mode):
    """Table, ledger and versions tell the same when the database is back, and its key answers with the run that was done."""
    place = server.place
    place.proxy.arm(True, containing=commits(place.kind, mode)[-1], closed_for=3600)
    status, _ = post(server, 1, mode)
    assert status == 503
    place.proxy.disarm()
    place.proxy.open()
    until_recorded(place)
    until_loaded(server, 1, mode)
    assert rows(server) == ([(0, 1), (1, 3)] if mode == "append" else [(1, 3)])
    assert [(run["status"], run["table_version"]["after"]) for run in runs(server)] == [("succeeded", 2), ("succeeded", 1)]
    kept = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{}' AND table_name LIKE '\\_\\_rg\\_%'"
    assert sql(place.kind, kept.format(place.space)) == "0"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_the_command_line_waits_for_a_decision(by_hand, after):
    (by_hand.folder / "events.csv").write_text("n,copy\n1,0\n1,1\n")
    by_hand.rowgate("load", "events.csv", "--table", "events")
    by_hand.proxy.arm(after, containing=COMMIT, closed_for=5)
    done = subprocess.run([ROWGATE, "load", "events.csv", "--table", "events", "--json"], cwd=by_hand.folder,
                          env=by_hand.environment, capture_output=True, timeout=90, check=False)
    run = json.loads(done.stdout)
    assert (done.returncode, run["status"]) == ((0, "succeeded") if after else (6, "failed")), done.stdout + done.stderr
    table = f"{by_hand.space}.events"
    assert sql(by_hand.kind, f"SELECT COUNT(*) FROM {table}") == ("4" if after else "2")
    assert not list((by_hand.folder / "data/spool/runs").glob("*.json"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_undecided_run_is_left_to_the_next_process(by_hand, after):
    (by_hand.folder / "events.csv").write_text("n,copy\n1,0\n1,1\n")
    by_hand.rowgate("load", "events.csv", "--table", "events")
    by_hand.proxy.arm(after, containing=COMMIT, closed_for=3600)
    process = subprocess.Popen([ROWGATE, "load", "events.csv", "--table", "events"], cwd=by_hand.folder,
                               env=by_hand.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    states = by_hand.folder / "data/spool/runs"
    end = time.monotonic() + 60
    while not any('"undecided"' in path.read_text() for path in states.glob("*.json")):
        assert time.monotonic() < end and process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)
    assert process.returncode == 6, said
    assert "run.undecided" in said[1] and "do not load the file again" in said[1], said
    (run,) = (path.stem for path in states.glob("*.json"))

    # Whoever comes while the database is away learns no more, and changes nothing.
    settle = by_hand.rowgate("runs", "settle", run, code=6)
    assert settle == b"" and (states / f"{run}.json").exists()
    by_hand.rowgate("runs", "settle", run, "--failed", "--confirm", "another", code=2)
    assert (states / f"{run}.json").exists()

    by_hand.proxy.disarm()
    by_hand.proxy.open()
    settled = json.loads(by_hand.rowgate("runs", "settle", run, "--json"))
    assert settled["status"] == ("succeeded" if after else "failed")
    assert sql(by_hand.kind, f"SELECT COUNT(*) FROM {by_hand.space}.events") == ("4" if after else "2")
    assert not list(states.glob("*.json"))
    by_hand.rowgate("runs", "settle", run, code=5)


def test_a_run_is_given_up_by_hand(by_hand):
    (by_hand.folder / "events.csv").write_text("n,copy\n1,0\n")
    by_hand.rowgate("load", "events.csv", "--table", "events")
    by_hand.proxy.arm(False, containing=COMMIT, closed_for=3600)
    process = subprocess.Popen([ROWGATE, "load", "events.csv", "--table", "events"], cwd=by_hand.folder,
                               env=by_hand.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    states = by_hand.folder / "data/spool/runs"
    end = time.monotonic() + 60
    while not any('"undecided"' in path.read_text() for path in states.glob("*.json")):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.1)
    (run,) = (path.stem for path in states.glob("*.json"))
    by_hand.rowgate("runs", "settle", run, "--failed", "--confirm", run, code=5)  # its owner still waits
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    given_up = json.loads(by_hand.rowgate("runs", "settle", run, "--failed", "--confirm", run, "--json"))
    assert (given_up["status"], given_up["error"]["code"]) == ("failed", "run.undecided")
    assert not list(states.glob("*.json"))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_undecided_run_of_a_server_that_died_is_settled_by_hand(server, after):
    """What came of it is known at once; the server puts its file away when it starts again."""
    place = server.place
    place.proxy.arm(after, containing=commits(place.kind, "append")[-1], closed_for=3600)
    status, problem = post(server, 1, "append")
    assert (status, problem["code"]) == (503, "run.undecided"), problem
    server.process.kill()
    server.process.wait()
    place.proxy.disarm()
    place.proxy.open()

    run = problem["instance"].rsplit("/", 1)[1]
    status = "succeeded" if after else "failed"
    assert json.loads(place.rowgate("runs", "settle", run, "--json"))["status"] == status
    assert rows(server) == ([(0, 1), (1, 3)] if after else [(0, 1)])

    again = Server(place)
    again.place = place
    try:
        until_recorded(place)
        assert json.loads(again.get(f"/v1/runs/{run}"))["status"] == status
        assert again.get(f"/v1/runs/{run}/source").splitlines()[1:] == [b"1,0", b"1,1", b"1,2"]
        answer = until_loaded(again, 1, "append")
        assert (answer["id"] == run) == after
        assert rows(again) == [(0, 1), (1, 3)]
    finally:
        again.stop()
