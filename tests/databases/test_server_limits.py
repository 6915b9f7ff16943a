"""Servers that take no writing, or no long statements: a clear error, nothing half done, and on it goes when they take it again."""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import pytest
from places import ROWGATE, Place, Server, drop_users, make_user, sql

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import servers  # noqa: E402


@pytest.fixture(scope="module")
def own_mariadb():
    """A server whose settings nobody else depends on."""
    with tempfile.TemporaryDirectory(prefix="rowgate-limits.") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o711)
        (folder / "tls").mkdir()
        servers.make_certificates(folder / "tls")
        server, url = servers.mariadb(folder / "mysql")
        yield url
        server.stop()


@pytest.fixture
def on_own_mariadb(own_mariadb, tmp_path, monkeypatch):
    monkeypatch.setenv("TESTDB_MYSQL", own_mariadb)
    place = Place("mysql", tmp_path)
    place.read_only = lambda on: sql("mysql", f"SET GLOBAL read_only = {int(on)}", "admin")
    yield place
    for setting in ("read_only = 0", "local_infile = 1", "max_allowed_packet = 16777216"):
        sql("mysql", f"SET GLOBAL {setting}", "admin")
    place.drop()


@pytest.fixture
def on_postgresql(tmp_path):
    place = Place("postgresql", tmp_path)
    user = "ro_" + place.space.removeprefix("hr_")
    make_user("postgresql", user)
    sql("postgresql", f"GRANT ALL ON SCHEMA {place.space} TO {user}", "admin")
    place.environment["ROWGATE_DATABASE__URL"] = place.environment["ROWGATE_DATABASE__URL"].replace("loader@", f"{user}@")
    place.read_only = lambda on: sql("postgresql", f"ALTER ROLE {user} SET default_transaction_read_only = {'on' if on else 'off'}",
                                     "admin")
    yield place
    drop_users("postgresql", user)
    place.drop()


@pytest.fixture(params=["mysql", "postgresql"])
def place(request):
    return request.getfixturevalue("on_own_mariadb" if request.param == "mysql" else "on_postgresql")


def tables_of(place):
    return sql(place.kind, "SELECT table_name FROM information_schema.tables WHERE table_schema = "
                           f"'{place.space}' ORDER BY table_name", "admin").split()


def failure(place, *arguments):
    """What is said by a command that fails."""
    done = subprocess.run([ROWGATE, *arguments], cwd=place.folder, env=place.environment, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_a_server_that_only_reads(place):
    place.read_only(True)
    assert b"database.read_only" in failure(place, "load", "jobs.csv")
    assert tables_of(place) == []
    place.read_only(False)
    place.rowgate("load", "departments.csv", "jobs.csv")
    place.read_only(True)
    before = place.rowgate("rows", "jobs", "--format", "csv"), tables_of(place)
    for mode in ("append", "upsert", "replace"):
        assert b"database.read_only" in failure(place, "load", "jobs.csv", "--mode", mode, "--yes")
    assert b"database.read_only" in failure(place, "load", "hired_employees.csv")
    assert (place.rowgate("rows", "jobs", "--format", "csv"), tables_of(place)) == before
    assert "only reads" in place.rowgate("doctor", code=1).decode()
    place.read_only(False)
    place.rowgate("load", "hired_employees.csv")
    assert "no problems" in place.rowgate("doctor").decode()


def test_a_service_goes_on_while_its_server_only_reads(place):
    place.rowgate("load", "departments.csv")
    server = Server(place)
    try:
        place.read_only(True)
        status, text, _ = server.post("/v1/tables/jobs/loads", (place.folder / "jobs.csv").read_bytes())
        problem = json.loads(text)
        assert (status, problem["code"]) == (503, "database.read_only"), text
        assert len(json.loads(server.get("/v1/tables/departments/rows"))["items"]) > 1
        assert not {"jobs", *(name for name in tables_of(place) if name.startswith("__rg_"))} & set(tables_of(place))
        place.read_only(False)
        status, text, _ = server.post("/v1/tables/jobs/loads", (place.folder / "jobs.csv").read_bytes())
        assert status == 200, text
        end = time.monotonic() + 20  # the end of the run that failed is written as soon as that is possible
        count = f"SELECT COUNT(*) FROM {place.space}.rowgate_runs WHERE status = 'failed'"
        while sql(place.kind, count, "admin") != "1":
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        server.stop()


SMALL, RECORD = 64 * 1024, 300 * 1024


@pytest.fixture
def with_small_packets(on_own_mariadb):
    """A server that takes statements of 64 KiB at most."""
    place = on_own_mariadb
    sql("mysql", f"SET GLOBAL max_allowed_packet = {SMALL}", "admin")
    (place.folder / "rowgate.yaml").write_text(json.dumps({"tables": {"notes": {"schema": {"primaryKey": ["id"], "fields": [
        {"name": "id", "type": "integer"}, {"name": "text", "type": "string"}]}}}}))
    return place


def load_notes(place, rows, *more):
    (place.folder / "notes.csv").write_text("id,text\n" + "".join(f"{number},{text}\n" for number, text in rows))
    return place.rowgate("load", "notes.csv", *more)


def notes_of(place):
    return sql("mysql", f"SELECT id, LENGTH(text), MD5(text) FROM {place.space}.notes ORDER BY id", "admin").splitlines()


def test_a_record_may_be_larger_than_the_servers_packets(with_small_packets):
    place = with_small_packets
    big = "b" * RECORD
    load_notes(place, [(1, big), (2, "small")])
    load_notes(place, [(1, "again"), (3, "c" * RECORD)], "--max-rejects", "1")  # the exact way
    load_notes(place, [(1, "d" * RECORD), (4, "new")], "--mode", "upsert")
    assert [row.split("\t")[:2] for row in notes_of(place)] == [["1", str(RECORD)], ["2", "5"], ["3", str(RECORD)], ["4", "3"]]


def test_where_rows_go_by_insert_the_largest_statement_counts(with_small_packets):
    place = with_small_packets
    sql("mysql", "SET GLOBAL local_infile = 0", "admin")
    many = [(number, "x" * 1_000) for number in range(1, 1_001)]  # 1 MB in statements of less than 64 KiB
    load_notes(place, many)
    before = notes_of(place)
    assert len(before) == 1_000
    (place.folder / "notes.csv").write_text(f"id,text\n2001,small\n2002,{'b' * RECORD}\n")
    said = failure(place, "load", "notes.csv")
    assert b"max_allowed_packet" in said and b"65,536" in said
    assert notes_of(place) == before and not [name for name in tables_of(place) if name.startswith("__rg_")]
    load_notes(place, [(2001, "small")])
    load_notes(place, [(2001, "again"), (2003, "x" * 60_000)], "--max-rejects", "1")
    assert len(notes_of(place)) == 1_002
