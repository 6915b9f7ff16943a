"""Where temporary files lie, what the log says, how documents end, what the ledger can find quickly."""

import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess

import pytest
import yaml
from places import ROWGATE, Place, Server, sql

ID = {"name": "id", "type": "integer"}
NAME = {"name": "name", "type": "string", "constraints": {"maxLength": 200}}


@pytest.fixture
def place(any_place):
    return any_place


def configure(place, table, **more):
    config = {"tables": {"t": table}, **more}
    if place.kind == "sqlite":
        config["database"] = {"url": "sqlite:./data/rowgate.db"}
    (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


SECRET = "Ada-Secret-Name"
REFUSING = {
    "mysql": ["CREATE TABLE seen (name VARCHAR(200) UNIQUE)",
              f"INSERT INTO seen VALUES ('{SECRET}')",
              "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW INSERT INTO seen VALUES (NEW.name)"],
    "postgresql": ["CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM NEW.name::integer; RETURN NEW; END $$",
                   "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION see()"],
}


@pytest.mark.parametrize("kind", REFUSING)
def test_the_log_holds_no_value_in_the_databases_words(kind, tmp_path):
    place = Place(kind, tmp_path)
    try:
        configure(place, {"schema": {"primaryKey": ["id"], "fields": [ID, NAME]}})
        server = Server(place)
        try:
            assert server.post("/v1/tables/t/loads", b"id,name\n1,1\n")[0] == 200
            head = f"USE {place.space};" if kind == "mysql" else f"SET search_path TO {place.space};"
            for statement in REFUSING[kind]:
                sql(kind, f"{head} {statement}")
            status, body, _ = server.post("/v1/tables/t/loads", f"id,name\n2,{SECRET}\n".encode())
            assert status == 500
            assert "refused" in body
        finally:
            server.stop()
        log = server.log.read_text()
        assert "database.refused" in log
        assert SECRET not in log
    finally:
        place.drop()


SORTED = ("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 600000) "
          "SELECT i, hex(randomblob(100)) AS x FROM c ORDER BY x")


def test_sqlites_own_files_lie_in_the_spool(tmp_path):
    place = Place("sqlite", tmp_path)
    spool = place.folder / "my-spool"
    configure(place, {"schema": {"fields": [ID]}}, storage={"spool": str(spool)}, reports={"sorted": {"sql": SORTED}})
    (place.folder / "t.csv").write_text("id\n1\n")
    place.rowgate("load", "t.csv")
    process = subprocess.Popen([ROWGATE, "report", "sorted", "--format", "csv"], cwd=place.folder, env=place.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = set()
    while process.poll() is None:
        with contextlib.suppress(OSError):
            for link in os.listdir(f"/proc/{process.pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"/proc/{process.pid}/fd/{link}")
                    if "etilqs_" in target:
                        seen.add(str(pathlib.Path(target).parent))
    assert process.returncode == 0
    assert seen == {str(spool)}


def test_the_last_run_of_a_table_in_a_namespace(tmp_path):
    for kind in ("mysql", "postgresql"):
        (tmp_path / kind).mkdir()
        place = Place(kind, tmp_path / kind)
        try:
            configure(place, {"namespace": place.other, "schema": {"fields": [ID]}})
            (place.folder / "t.csv").write_text("id\n1\n")
            place.rowgate("load", "t.csv")
            listed = json.loads(place.rowgate("tables", "t", "--json"))
            assert listed["last_run"]["status"] == "succeeded"
            line = next(line for line in place.rowgate("tables").decode().splitlines() if line.split()[:1] == ["t"])
            assert line.endswith("succeeded")
        finally:
            place.drop()


COMMANDS = [["load", "t.csv"], ["tables"], ["tables", "t"], ["runs"], ["rows", "t"], ["rows", "t", "--limit", "0"], ["report", "r"],
            ["report", "list"], ["report", "links"], ["report", "r", "--link", "1h"], ["config", "check"], ["config", "show"], ["db", "plan"],
            ["doctor"], ["explain"], ["explain", "key.no_parent"], ["schema", "infer", "t.csv"], ["validate", "t.csv"], ["version"],
            ["tables", "nobody"], ["load", "nothing.csv"]]


def test_each_json_document_ends_with_its_line(tmp_path):
    place = Place("sqlite", tmp_path)
    configure(place, {"schema": {"primaryKey": ["id"], "fields": [ID, NAME]}}, reports={"r": {"sql": "SELECT id FROM t"}})
    (place.folder / "t.csv").write_text("id,name\n1,a\nx,b\n")
    place.rowgate("load", "t.csv", "--max-rejects", "1")
    run = json.loads(place.rowgate("runs", "--json"))["items"][0]["id"]
    for command in [*COMMANDS, ["runs", run], ["rejects", run], ["rejects", run, "--all"]]:
        said = place.rowgate(*command, "--json", code=None)
        assert said.endswith(b"\n"), command
        assert not said.endswith(b"\n\n"), command
        json.loads(said)


def test_a_file_that_was_loaded_before_is_found_at_once(place):
    """However often it was: the newest run of its bytes is the end of an index, and nothing is sorted."""
    configure(place, {"schema": {"fields": [ID]}})
    (place.folder / "t.csv").write_text("id\n1\n")
    runs = [json.loads(place.rowgate("load", "t.csv", "--json", "--yes")) for _ in range(3)]
    assert [run["file"]["duplicate_of"] for run in runs] == [None, runs[0]["id"], runs[1]["id"]]
    if place.kind == "sqlite":
        with contextlib.closing(sqlite3.connect(place.folder / "data/rowgate.db")) as database:
            index = database.execute("SELECT sql FROM sqlite_schema WHERE name = 'rowgate_runs_by_loaded_file'").fetchone()
        assert "WHERE status IN" in index[0]
    elif place.kind == "postgresql":
        assert sql("postgresql", f"SELECT indexdef FROM pg_indexes WHERE schemaname = '{place.space}' AND indexname = "
                                 "'rowgate_runs_by_file'").endswith("(table_name, file_sha256, id)")
