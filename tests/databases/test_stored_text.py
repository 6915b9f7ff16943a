"""Names and parameters from outside get the same verdict on MariaDB, PostgreSQL and SQLite; names of another case too."""

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request

import pytest
from places import ROWGATE, Place, Server, sql

CSV = b"id,department\n9,X\n"


@pytest.fixture(params=["sqlite", "mysql", "postgresql"])
def anywhere(request, tmp_path):
    made = Place(request.param, tmp_path)
    config = tmp_path / "rowgate.yaml"
    config.write_text(config.read_text().replace("reports:\n", "reports:\n  echo:\n    params: { x: { type: string } }\n"
                                                 "    columns: [x]\n    sql: SELECT :x AS x\n", 1))
    yield made
    made.drop()


def post(server, path, body, kind="text/csv"):
    request = urllib.request.Request(f"http://{server.address}{path}", body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def server(anywhere):
    made = Server(anywhere)
    yield made
    made.stop()


def test_the_name_of_a_file_in_a_form(anywhere, server):
    head = b'--B\r\nContent-Disposition: form-data; name="f"; filename="caf\xe9.csv"\r\n\r\n'
    for mode in ("append", "replace", "replace"):
        status, text = post(server, f"/v1/tables/departments/loads?mode={mode}", head + CSV + b"\r\n--B--\r\n",
                            "multipart/form-data; boundary=B")
        assert status == 200 and json.loads(text)["file"]["name"] == "caf\ufffd.csv", text
    assert anywhere.rowgate("rows", "departments", "--format", "csv") == b"id,department\r\n9,X\r\n"
    assert [run["file"]["name"] for run in json.loads(anywhere.rowgate("runs", "--json"))["items"]] == ["caf\ufffd.csv"] * 3
    assert list((anywhere.folder / "data" / "spool").rglob("run_*.json")) == []


def test_a_long_name_in_the_address(server):
    long = "\U0001d11e" * 100
    status, text = post(server, f"/v1/tables/departments/loads?name={urllib.parse.quote(long)}", CSV)
    assert status == 200 and json.loads(text)["file"]["name"] == long, text


def test_a_parameter_with_nul(server):
    assert post(server, "/v1/tables/departments/loads", CSV)[0] == 200
    status, text = post(server, "/v1/reports/echo/links", b'{"params": {"x": "a\\u0000b"}}', "application/json")
    assert status == 400 and json.loads(text)["code"] == "report.bad_parameter", text


@pytest.mark.parametrize("name", ["%F0%9F%98%80", "Departments", "DEPARTMENTS"])
def test_the_name_of_a_table(anywhere, server, name):
    assert post(server, "/v1/tables/departments/loads", CSV)[0] == 200
    assert post(server, f"/v1/tables/{name}/loads", CSV)[0] == 404
    space = anywhere.space if anywhere.kind != "sqlite" else "test_db"
    status, text = post(server, f"/db_migration?table={name}&schema={space}", CSV)
    assert status == 400 and text.startswith("Unknown table: "), text
    assert anywhere.rowgate("rows", "departments", "--format", "csv") == b"id,department\r\n9,X\r\n"


def test_on_the_command_line(anywhere):
    name = os.fsencode(anywhere.folder) + b"/h\xe9.csv"
    with open(name, "wb") as file:
        file.write(CSV)
    done = subprocess.run([ROWGATE, "load", name, "--table", "departments"], cwd=anywhere.folder, env=anywhere.environment,
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    anywhere.rowgate("load", "departments.csv", "--table", "DEPARTMENTS", code=None)
    assert anywhere.rowgate("rows", "departments", "--format", "csv") == b"id,department\r\n9,X\r\n"


def refuse(place, condition):
    """The ledger takes no run of which this holds."""
    sql(place.kind, f"SET search_path TO {place.space}; CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
                    f"BEGIN IF {condition} THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$; CREATE OR REPLACE TRIGGER refuses "
                    "BEFORE INSERT OR UPDATE ON rowgate_runs FOR EACH ROW EXECUTE FUNCTION refuse()")


def test_a_run_that_the_ledger_refuses_holds_no_other_up(tmp_path):
    place = Place("postgresql", tmp_path)
    place.rowgate("load", "departments.csv")
    refuse(place, "true")
    server = Server(place)
    try:
        for name in ("bad", "good"):
            assert post(server, f"/v1/tables/departments/loads?max_rejects=0&name={name}.csv", b"id,department\nx,X\n")[0] == 422
        refuse(place, "NEW.file_name = 'bad.csv'")
        end = time.monotonic() + 30
        while sql(place.kind, f"SELECT COUNT(*) FROM {place.space}.rowgate_runs WHERE status = 'failed'") != "2":
            assert time.monotonic() < end, sql(place.kind, f"SELECT file_name, status FROM {place.space}.rowgate_runs")
            time.sleep(0.2)
    finally:
        server.stop()
        place.drop()
