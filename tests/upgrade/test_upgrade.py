"""What an earlier version left behind is taken over: its database, its spool and its storage, as they were when it was killed."""

import contextlib
import csv
import io
import json
import os
import pathlib
import sqlite3
import subprocess
import tarfile
import time

import make_golden
import pytest

ROWGATE = os.environ["ROWGATE"]
HERE = pathlib.Path(__file__).parent


class Left:
    """A folder and a database as they were left, and a server of today on them."""

    def __init__(self, name, folder):
        self.kind = name.partition("_")[0]
        with tarfile.open(HERE / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(folder)
        self.folder = folder / self.kind
        self.expected = json.loads((self.folder / "expected.json").read_text())
        make_golden.make_space(self.kind)
        if self.kind == "mysql":
            make_golden.sql("mysql", f"USE {make_golden.SPACE};\n" + (self.folder / "dump.sql").read_text())
        if self.kind == "postgresql":
            make_golden.sql("postgresql", f"DROP SCHEMA {make_golden.SPACE};\n" + (self.folder / "dump.sql").read_text())
        self.server = make_golden.Server(ROWGATE, self.folder, self.kind)

    def rows(self, table):
        status, text = self.server.call("GET", f"/v1/tables/{table}/rows", Accept="text/csv")
        assert status == 200, text
        return list(csv.reader(io.StringIO(text)))[1:]

    def run(self, run_id):
        status, text = self.server.call("GET", f"/v1/runs/{run_id}")
        return json.loads(text) if status == 200 else {"status": status}

    def ended(self, run_id):
        end = time.monotonic() + 30
        while (run := self.run(run_id))["status"] in ("queued", "receiving", "running", "undecided", 404, 503):
            assert time.monotonic() < end, run
            time.sleep(0.1)
        return run

    def tables(self):
        """The names that the database itself has."""
        if self.kind == "sqlite":
            with contextlib.closing(sqlite3.connect(self.folder / "rowgate.db")) as database:
                return {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        return set(make_golden.sql(self.kind, "SELECT table_name FROM information_schema.tables WHERE table_schema = "
                                              f"'{make_golden.SPACE}'").split())

    def stop(self):
        self.server.process.terminate()
        self.server.process.wait(30)


@pytest.fixture(params=["sqlite", "mysql", "postgresql"])
def left(request, tmp_path):
    found = Left(request.param, tmp_path)
    yield found
    found.stop()


def test_interrupted_and_queued_loads_are_done_exactly_once(left):
    replace, queued = left.expected["replace"], left.expected["queued"]
    assert left.ended(replace["run"])["status"] == "succeeded", left.run(replace["run"])
    assert left.ended(queued["run"])["status"] == "succeeded"
    assert left.rows("departments") == [["7", "Quarry"], ["8", "Forge"], ["9", "Dairy"]]
    assert left.rows("jobs") == [["1", "Glazier"]]
    assert not [name for name in left.tables() if name.startswith("__rg_")]
    assert not list((left.folder / "spool/runs").glob("*.json"))


def test_a_key_that_was_used_answers_with_its_run(left):
    left.ended(left.expected["queued"]["run"])
    for key, text in (("with_rejects", "id,department\n1,Foundry\nx,Nowhere\n3,Tannery\n"), ("queued", "id,department\n8,Forge\n9,Dairy\n")):
        name = "first" if key == "with_rejects" else "queued"
        status, answer = left.server.load("departments", text, Idempotency_Key=name)
        assert status in (200, 422), answer
        assert json.loads(answer)["id"] == left.expected[key]["run"]
    assert left.rows("departments") == [["7", "Quarry"], ["8", "Forge"], ["9", "Dairy"]]


def test_rejects_and_links_of_then_are_read(left):
    run = left.expected["with_rejects"]
    status, text = left.server.call("GET", f"/v1/runs/{run['run']}/rejects", Accept="text/csv")
    assert (status, text) == (200, run["rejects"])
    link = left.expected["link"]
    assert left.server.call("GET", link["path"]) == (200, link["content"])


def test_loads_go_on(left):
    left.ended(left.expected["queued"]["run"])
    status, text = left.server.load("departments", "id,department\n8,Smithy\n20,Mill\n", "upsert")
    assert status == 200, text
    assert left.rows("departments") == [["7", "Quarry"], ["8", "Smithy"], ["9", "Dairy"], ["20", "Mill"]]


def test_doctor_finds_nothing_once_it_is_taken_over(left):
    left.ended(left.expected["queued"]["run"])
    environment = {**make_golden.environment(), "ROWGATE_DATABASE__URL": make_golden.database_url(left.kind)}
    if left.kind != "sqlite":
        environment["ROWGATE_DATABASE__PASSWORD__ENV"] = "DB_PASSWORD"
    done = subprocess.run([ROWGATE, "doctor"], cwd=left.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def unrecorded(tmp_path):
    found = Left("sqlite_unrecorded", tmp_path)
    yield found
    found.stop()


def test_loads_that_failed_unrecorded_come_into_the_ledger(unrecorded):
    left = unrecorded
    for name in ("replace", "queued"):
        run = left.ended(left.expected[name]["run"])
        assert run["status"] == "failed", run
        assert run["error"]["code"] == "table.busy", run
    assert left.rows("departments") == [["1", "Foundry"], ["3", "Tannery"]]
    with contextlib.closing(sqlite3.connect(left.folder / "rowgate.db")) as database:
        assert database.execute("SELECT count(*) FROM rowgate_runs WHERE status = 'failed'").fetchone() == (2,)
