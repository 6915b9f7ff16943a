"""The original API, the CLI and the reports on MariaDB and PostgreSQL: the same answers, numbers and bytes as on SQLite."""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import urllib.error

import pytest
from cutting import CuttingProxy
from places import ROWGATE, TABLES, Place, Server, loaded_on_sqlite, numbers_of, sql


def test_the_command_line_gives_the_numbers_and_bytes_of_sqlite(place, on_sqlite):
    place.rowgate("load", *(f"{table}.csv" for table in TABLES))
    assert numbers_of(place) == numbers_of(on_sqlite)
    assert place.reports() == on_sqlite.reports()
    for table in TABLES:
        assert place.rowgate("rows", table, "--format", "csv") == on_sqlite.rowgate("rows", table, "--format", "csv")
        assert place.rowgate("rows", table, "--format", "json") == on_sqlite.rowgate("rows", table, "--format", "json")
    doctor = place.rowgate("doctor").decode()
    assert "3 tables equal to the schema" in doctor and "no problems" in doctor
    assert "loader@127.0.0.1" in doctor and os.environ["TESTDB_PASSWORD"] not in doctor


def runs_of(place):
    """What was read, accepted and refused, and why, newest first."""
    items = json.loads(place.rowgate("runs", "--json"))["items"]
    return [(run["table"], run["status"], run["rows"], run["rejects"]) for run in items]


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
@pytest.mark.parametrize("by_original_api", [False, True])
def test_where_every_field_is_required_the_same_rows_are_refused(kind, by_original_api, tmp_path):
    on_sqlite = loaded_on_sqlite(tmp_path / "sqlite", "--strict")
    (tmp_path / "place").mkdir()
    place = Place(kind, tmp_path / "place", "--strict")
    server = Server(place) if by_original_api else None
    try:
        for table in TABLES:
            content = (place.folder / f"{table}.csv").read_bytes()
            if server:
                assert server.post(f"/db_migration?table={table}&schema={place.space}", content)[0] == 200
            else:
                place.rowgate("load", f"{table}.csv")
        assert runs_of(place) == runs_of(on_sqlite)
        assert runs_of(place)[0][2]["rejected"] > 0
        assert numbers_of(place) == numbers_of(on_sqlite)
        assert place.reports() == on_sqlite.reports()
        assert rejects_of(place) == rejects_of(on_sqlite)
    finally:
        if server:
            server.stop()
        place.drop()


def rejects_of(place):
    """The reject file of the last run but for the run's own name."""
    run = json.loads(place.rowgate("runs", "--json"))["items"][0]["id"]
    return place.rowgate("rejects", "export", run, "--format", "csv").replace(run.encode(), b"run")


def test_a_dry_run_judges_and_leaves_nothing(place, on_sqlite):
    del on_sqlite
    place.rowgate("validate", *(f"{table}.csv" for table in TABLES), code=3)
    assert sql(place.kind, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
                           f"'{place.space}' AND table_name NOT LIKE 'rowgate%'") == "0"


def test_the_original_api(place, on_sqlite):
    server = Server(place)
    try:
        for table in TABLES:
            status, text, headers = server.post(f"/db_migration?table={table}&schema={place.space}",
                                                (place.folder / f"{table}.csv").read_bytes())
            assert (status, text) == (200, "Data loaded succesfully!")
            assert headers["Rowgate-Run"].startswith("run_")
        assert numbers_of(place) == numbers_of(on_sqlite)
        links = [json.loads(server.get(route))["presigned-url"]
                 for route in ("/first_sql_requirement", "/second_sql_requirement")]
        assert [hashlib.sha256(server.get(link)).hexdigest() for link in links] == on_sqlite.reports()
        assert server.post("/db_migration?table=jobs&schema=nowhere", b"id,job\n1,x\n")[:2] == (400, "Unknown schema: nowhere")
        page = json.loads(server.get("/v1/tables/hired_employees/rows?limit=2"))
        following = json.loads(server.get(f"/v1/tables/hired_employees/rows?limit=2&cursor={page['next']}"))
        assert [row["id"] for row in page["items"] + following["items"]] == [1, 2, 3, 4]
    finally:
        server.stop()


def test_an_alias_names_another_namespace_of_the_server(place):
    server = Server(place)
    try:
        status, text, _ = server.post("/db_migration?table=old_jobs&schema=archive", b"id,job\n1,Actuary\n2,Nurse\n")
        assert (status, text) == (200, "Data loaded succesfully!")
        assert sql(place.kind, f"SELECT COUNT(*) FROM {place.other}.old_jobs") == "2"
        assert server.post("/db_migration?table=jobs&schema=archive", b"id,job\n1,x\n")[:2] == (400, "Unknown table: jobs")
    finally:
        server.stop()


def test_tables_of_another_namespace(place):
    config = pathlib.Path(place.folder / "rowgate.yaml")
    config.write_text(json.dumps({"tables": {"people": {"namespace": place.other, "schema": {
        "primaryKey": ["id"], "fields": [{"name": "id", "type": "integer"}]}}}}))
    (place.folder / "people.csv").write_text("id\n1\n2\n2\n")
    place.rowgate("load", "people.csv", "--max-rejects", "1")
    assert sql(place.kind, f"SELECT COUNT(*) FROM {place.other}.people") == "2"
    assert place.rowgate("rows", "people", "--format", "csv").decode().split() == ["id", "1", "2"]
    (place.folder / "people.csv").write_text("id\n3\n")
    place.rowgate("load", "people.csv", "--mode", "replace", "--yes")
    assert place.rowgate("rows", "people", "--format", "csv").decode().split() == ["id", "3"]


def test_an_address_on_the_command_line(place):
    (place.folder / "people.csv").write_text("name,age\nAda,36\n")
    url = place.environment.pop("ROWGATE_DATABASE__URL")
    place.rowgate("load", "people.csv", "--to", url, "--table", "people")
    assert place.rowgate("rows", "people", "--to", url, "--format", "csv").decode().splitlines() == ["name,age", "Ada,36"]


def test_a_wrong_password_is_said_and_not_shown(place):
    place.environment["DB_PASSWORD"] = "open barley"
    done = subprocess.run([ROWGATE, "load", "jobs.csv"], cwd=place.folder, env=place.environment, capture_output=True, check=False)
    assert done.returncode == 1 and b"database.privilege" in done.stderr and b"barley" not in done.stderr


class CountingProxy(CuttingProxy):
    """Counts the questions for the number of a table's rows, which make the database read all of it."""

    questions = 0

    def is_cut(self, piece):
        self.questions += len(re.findall(rb"COUNT\(\*\) FROM .?departments", piece))
        return False


def test_tables_are_counted_for_those_alone_who_ask_for_it(place):
    place.rowgate("load", "departments.csv")
    url = place.environment["ROWGATE_DATABASE__URL"]
    port = int(re.search(r":(\d+)/", url)[1])
    proxy = CountingProxy(port)
    place.environment["ROWGATE_DATABASE__URL"] = url.replace(f":{port}/", f":{proxy.address}/")
    server = Server(place)
    try:
        for path in ("/readyz", "/v1/tables/nobody", "/v1/tables/nobody/rows", "/v1/tables/departments/rows?limit=1", "/v1/runs"):
            try:
                assert server.get(path), path
            except urllib.error.HTTPError as error:
                assert error.code == 404, path
            assert proxy.questions == 0, path
        assert server.post(f"/db_migration?table=brand_new&schema={place.space}", b"id\n1\n")[0] == 200
        assert proxy.questions == 0
        assert json.loads(server.get("/v1/tables/departments"))["rows"] == 12
        assert proxy.questions == 1

        metrics = re.findall(r"127\.0\.0\.1:\d+", server.log.read_text())
        address, = {found for found in metrics if found != server.address} - {url.partition("@")[2].partition("/")[0]} \
            - {f"127.0.0.1:{proxy.address}"}
        for _ in range(5):
            assert b"rowgate_table_rows" in server.get(f"http://{address}/metrics")
        assert proxy.questions <= 3, "the numbers of /metrics are kept for a while"
    finally:
        server.stop()
        proxy.stop()
