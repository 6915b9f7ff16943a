"""What was promised goes on after the server was stopped or killed."""

import contextlib
import fcntl
import pathlib
import sqlite3
import subprocess
import threading
import time

from worlds import spool_files

CSV = b"id,department\n1,Sales\n2,Law\n"
QUICK = "limits: { sync_wait: 50ms }"


@contextlib.contextmanager
def locked(folder):
    """As another process that writes to the database."""
    path = folder / "data" / "rowgate.db"
    path.parent.mkdir(exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")
    finally:
        database.close()


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def test_an_interrupted_load_is_accepted_and_goes_on(start, folder):
    server = start()
    answers = []
    with locked(folder):
        client = threading.Thread(target=lambda: answers.append(server.post("/v1/tables/departments/loads", CSV)))
        client.start()
        wait_until(lambda: server.get("/v1/runs").json["items"] and
                   server.get("/v1/runs").json["items"][0]["status"] == "running")
        server.process.terminate()
        time.sleep(0.5)
    client.join()
    assert answers[0].status == 202, answers[0].text
    run = pathlib.PurePosixPath(answers[0].headers["Location"]).name
    assert server.process.wait(30) == 0
    assert server.rows("departments") == []
    again = start()
    assert again.ended(run)["status"] == "succeeded"
    assert again.rows("departments") == [(1, "Sales"), (2, "Law")]
    assert not spool_files(folder)


def test_accepted_loads_survive_a_kill(start, folder):
    server = start("limits: { sync_wait: 50ms }")
    runs = []
    with locked(folder):
        for number in (1, 2, 3):
            answer = server.post("/v1/tables/departments/loads", f"id,department\n{number},Department {number}\n".encode(),
                                 {"Idempotency-Key": f"key {number}"})
            assert answer.status == 202, answer.text
            runs.append(answer.json["id"])
        assert [item["id"] for item in server.get("/v1/runs").json["items"]] == runs[::-1]
        server.kill()
    again = start("limits: { sync_wait: 20s }")
    for number, run in enumerate(runs, 1):
        repeated = again.post("/v1/tables/departments/loads", f"id,department\n{number},Department {number}\n".encode(),
                              {"Idempotency-Key": f"key {number}"})
        assert repeated.status in (200, 409), repeated.text
        assert again.ended(run)["status"] == "succeeded"
    assert [row[0] for row in again.rows("departments")] == [1, 2, 3]
    assert again.version("departments") == 3
    assert not spool_files(folder)
    source = again.get(f"/v1/runs/{runs[0]}/source")
    assert source.body == b"id,department\n1,Department 1\n"


def test_what_a_server_received_is_not_ended_by_hand(start, folder):
    """Unless it is given up."""
    server = start(QUICK)
    with locked(folder):
        runs = [accepted(server), accepted(server)]
        server.kill()

    def settle(run, *arguments):
        return subprocess.run([server.process.args[0], "runs", "settle", run, *arguments], cwd=folder, capture_output=True, text=True, check=False)

    assert [settle(run).returncode for run in runs] == [1, 1]
    assert "goes on when the server starts again" in settle(runs[0]).stderr
    assert settle(runs[1], "--failed", "--confirm", runs[1]).returncode == 0
    again = start(QUICK)
    assert again.ended(runs[0])["status"] == "succeeded"
    assert again.ended(runs[1])["status"] == "interrupted"
    assert again.version("departments") == 1
    assert again.get(f"/v1/runs/{runs[0]}/source").body == CSV
    assert not spool_files(folder)


def accepted(server):
    """The id of a run that waits for the database."""
    answer = server.post("/v1/tables/departments/loads", CSV)
    assert answer.status == 202, answer.text
    return answer.json["id"]


def is_loaded(server, run):
    return server.get(f"/v1/runs/{run}").json["status"] == "succeeded"


def test_a_server_that_is_up_takes_over_from_one_that_ends(start, folder):
    """As in a rolling restart: the next one is there before the last one goes."""
    first, second = start(QUICK), start(QUICK)
    with locked(folder):
        run = accepted(first)
        first.kill()
    wait_until(lambda: is_loaded(second, run), 60)
    assert second.rows("departments") == [(1, "Sales"), (2, "Law")]
    assert not spool_files(folder)


def test_a_run_that_another_process_looks_at_is_taken_up_afterwards(start, folder):
    server = start(QUICK)
    with locked(folder):
        run = accepted(server)
        server.kill()
    state, = (folder / "data" / "spool").rglob(f"{run}.json")
    with state.open("r+") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        again = start(QUICK)
        again.get("/readyz")
    wait_until(lambda: is_loaded(again, run), 60)
    assert again.rows("departments") == [(1, "Sales"), (2, "Law")]


def test_a_run_is_of_the_database_that_it_was_begun_for(start, folder):
    """Though another one has the same spool for a while."""
    def of(name):
        return f"{QUICK}\ndatabase: {{ url: 'sqlite:./data/{name}.db' }}"

    first = start(of("rowgate"))
    with locked(folder):
        run = accepted(first)
        first.kill()
    other = start(of("other"))
    assert other.post("/v1/tables/jobs/loads", b"id,job\n1,Baker\n").status in (200, 202)
    wait_until(lambda: [item["status"] for item in other.get("/v1/runs?table=jobs").json["items"]] == ["succeeded"])
    assert other.get("/v1/tables/departments/rows").json["items"] == []
    assert other.stop() == 0
    with contextlib.closing(sqlite3.connect(folder / "data" / "other.db")) as database:
        assert database.execute("SELECT table_name FROM rowgate_runs").fetchall() == [("jobs",)]
    again = start(of("rowgate"))
    wait_until(lambda: is_loaded(again, run))
    assert again.rows("departments") == [(1, "Sales"), (2, "Law")]
