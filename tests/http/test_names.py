"""What a name means: the same thing to the original API, to /v1, to keys and to the database."""

import contextlib
import json
import sqlite3

import pytest
from worlds import bearer, key_settings

LOAD = "/db_migration"
BODY = b"id,note\n1,x\n"
OTHER_CASES = ("Departments", "DEPARTMENTS", "departmentS")


def load(server, table, body=BODY, **more):
    return server.post(f"{LOAD}?table={table}&schema=test_db", body, **more)


def by_hand(server, statement):
    with contextlib.closing(sqlite3.connect(server.folder / "data" / "rowgate.db")) as database:
        database.execute(statement)
        database.commit()


@pytest.mark.parametrize("name", OTHER_CASES)
def test_a_table_of_another_case_is_unknown(loaded, name):
    before = loaded.rows("departments")
    answer = load(loaded, name)
    assert (answer.status, answer.text) == (400, f"Unknown table: {name}")
    assert loaded.post(f"/v1/tables/{name}/loads?mode=replace", BODY).status == 404
    assert loaded.get(f"/v1/tables/{name}").slug == "unknown-table"
    assert loaded.rows("departments") == before
    assert [table["name"] for table in loaded.get("/v1/tables").json["items"]] == [
        "departments", "jobs", "hired_employees"]


def test_a_configured_table_of_another_case_is_unknown_before_it_is_made(server):
    assert load(server, "Departments").text == "Unknown table: Departments"
    assert load(server, "departments", (server.folder / "departments.csv").read_bytes()).status == 200


def test_a_table_that_was_made_keeps_its_case(server):
    assert load(server, "Notes").status == 200
    assert load(server, "notes").text == "Unknown table: notes"
    assert load(server, "Notes", b"id,note\n2,y\n").status == 200
    assert server.rows("Notes") == [(2, "y")]


def test_a_key_is_judged_by_the_name_that_is_stored(start):
    server = start()
    assert load(server, "departments", (server.folder / "departments.csv").read_bytes()).status == 200
    before = server.rows("departments")
    server.stop()
    keys = [key_settings("other case", ["loads:write"], tables=["DEPARTMENTS", "brand_new"])]
    server = start(json.dumps({"auth": {"mode": "keys", "keys": keys}}))
    for name in ("departments", "DEPARTMENTS"):
        assert load(server, name, headers=bearer("other case")).text == f"Unknown table: {name}"
    assert server.rows("departments") == before
    assert load(server, "brand_new", headers=bearer("other case")).status == 200


@pytest.mark.parametrize("tables, configured, known, by_others", [
    ("any", True, True, True), ("known", True, True, False), ("configured", True, False, False)])
def test_which_tables_may_be_replaced(start, tables, configured, known, by_others):
    server = start()
    assert load(server, "jobs", (server.folder / "jobs.csv").read_bytes()).status == 200
    assert load(server, "notes").status == 200
    by_hand(server, "CREATE TABLE app_users (id INTEGER, note TEXT)")
    server.stop()
    server = start(f"compat: {{ tables: {tables} }}")
    for name, may in (("jobs", configured), ("notes", known), ("app_users", by_others)):
        body = (server.folder / "jobs.csv").read_bytes() if name == "jobs" else b"id,note\n7,z\n"
        answer = load(server, name, body)
        assert (answer.status == 200) == may, (name, answer)
        assert may or answer.text == f"Unknown table: {name}"
        assert (load(server, name, b"id,note\n8,w\n" if name != "jobs" else b"id,job\n999,Glazier\n",
                     headers={}).status == 200) == may
    assert load(server, "brand_new").status == 200, "what is made new is create_tables' to say"


def test_no_tables_are_made_where_that_is_off(start):
    server = start("compat: { create_tables: false }")
    assert load(server, "brand_new").text == "Unknown table: brand_new"


def test_a_run_says_that_the_table_was_not_rowgates(server):
    by_hand_first = load(server, "jobs", (server.folder / "jobs.csv").read_bytes())
    assert by_hand_first.status == 200
    by_hand(server, "CREATE TABLE app_users (id INTEGER, note TEXT)")
    first, second = (load(server, "app_users").headers["Rowgate-Run"] for _ in range(2))
    messages = [warning["message"] for warning in server.get(f"/v1/runs/{first}").json["warnings"]]
    assert any("rowgate did not make the table `app_users`" in message for message in messages), messages
    assert server.get(f"/v1/runs/{second}").json["warnings"] == []
    assert server.get(f"/v1/runs/{by_hand_first.headers['Rowgate-Run']}").json["warnings"] == []


def test_the_database_and_its_log_are_for_their_owner_alone(loaded):
    files = list((loaded.folder / "data").glob("rowgate.db*"))
    assert files
    for path in files:
        assert path.stat().st_mode & 0o077 == 0, path


def test_an_idempotency_key_belongs_to_the_path_however_it_is_written(loaded):
    body = b"id,department\n900,Night shift\n"
    headers = {"Idempotency-Key": "one"}
    first = loaded.post("/v1/tables/departments/loads", body, headers)
    again = loaded.post("/v1/tables/%64epartments/loads", body, headers)
    assert first.status == 200, first
    assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true"), again
    assert again.json["id"] == first.json["id"]


def test_a_report_over_tables_that_are_not_loaded_yet(server):
    assert load(server, "departments", (server.folder / "departments.csv").read_bytes()).status == 200
    answer = server.get("/v1/reports/hired_by_quarter.csv")
    assert (answer.status, answer.slug) == (404, "unknown-table"), answer
    assert "not there" in answer.json["detail"] and "load" in answer.json["hint"]
    assert "hired_employees" not in answer.text, "whoever may see the report need not see its tables"
    assert server.post("/v1/reports/hired_by_quarter/links", b"{}", {"Content-Type": "application/json"}).status == 404
    line = server.get("/first_sql_requirement")
    assert line.status == 404, line
