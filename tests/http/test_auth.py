"""Who may do what: every operation of docs/http-api.yaml with every scope, and what a key may see."""

import json
import os
import pathlib
import socket
import subprocess
import time

import pytest

import api
import worlds as situations
from faults import Faults
from server import Server
from worlds import SCOPES, api_key, bearer

ROWGATE = os.environ.get("ROWGATE", str(pathlib.Path(__file__).parents[2] / "build/release/rowgate"))
OPERATIONS = list(api.OPERATIONS.values())
OPEN = [operation for operation in OPERATIONS if operation.scope is None]
CLOSED = [operation for operation in OPERATIONS if operation.scope]
NOTHING = {"link": "lnk_" + "0" * 26}  # so that no link is revoked that others need


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_scopes(worlds, operation, scope):
    names = NOTHING if operation.id == "revokeLink" else {}
    answer = worlds.keys.call(operation, bearer(scope), **names)
    if operation.scope in (None, scope):
        without_bucket = operation.id == "createSource" and answer.slug == "sources-not-offered"
        assert answer.status in (200, 201, 204) or (names and answer.status == 404) or without_bucket, answer
        return
    assert answer.status == 403, answer
    assert f'error="insufficient_scope", scope="{operation.scope}"' in answer.headers["WWW-Authenticate"]
    if not operation.is_original:
        assert answer.slug == "forbidden" and operation.scope in answer.problem["detail"]


@pytest.mark.parametrize("operation", CLOSED, ids=repr)
@pytest.mark.parametrize("headers", [
    {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "}, {"X-Api-Key": ""},
    {"Authorization": api_key("all")}, {"Authorization": "Basic " + api_key("all")}, {"Cookie": "key=" + api_key("all")},
], ids=str)
def test_without_a_key(worlds, operation, headers):
    answer = worlds.keys.call(operation, {"Authorization": None, **headers})
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == 'Bearer realm="rowgate"', answer


def test_a_request_without_a_key_is_no_guess(worlds):
    for _ in range(30):
        assert worlds.keys.call("listTables", {"Authorization": None}).status == 401
    assert worlds.keys.call("listTables").status == 200


@pytest.mark.parametrize("operation", OPEN, ids=repr)
def test_what_needs_no_key(worlds, operation):
    assert worlds.keys.call(operation, {"Authorization": None}).status in (200, 204)
    assert worlds.blocked.call(operation, {"Authorization": None}).status in (200, 204, 403)


def test_a_key_where_a_gateway_takes_authorization(worlds):
    for headers in ({"Authorization": None}, {"Authorization": "Basic Z2F0ZTp3YXk="}):
        assert worlds.keys.call("listTables", {**headers, "X-Api-Key": api_key("tables:read")}).status == 200
    assert worlds.keys.call("listTables", {"Authorization": "bearer   " + api_key("tables:read")}).status == 200


@pytest.mark.parametrize("query", ["key={}", "api_key={}", "access_token={}", "X-Api-Key={}"])
def test_a_key_in_the_address_is_none(worlds, query):
    answer = worlds.keys.call("listTables", {"Authorization": None}, query=query.format(api_key("all")))
    assert answer.status == 401


def wrong_keys():
    good = api_key("all")
    yield "expired", api_key("expired")
    yield "of nobody", api_key("nobody")
    yield "changed at its end", good[:-1] + ("A" if good[-1] != "A" else "B")
    yield "changed within", good[:9] + ("A" if good[9] != "A" else "B") + good[10:]
    yield "cut", good[:-1]
    yield "longer", good + "A"
    yield "not one", "rgk_" + "\xe9" * 36


@pytest.mark.parametrize("key", [pytest.param(key, id=name) for name, key in wrong_keys()])
def test_wrong_keys(worlds, key):
    server = worlds.start(json.dumps({"auth": {"mode": "keys", "keys": situations.KEYS}}))
    answer = server.get("/v1/tables", {"Authorization": "Bearer " + key})
    assert answer.status == 401 and 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert key not in answer.text and key not in "\n".join(server.log)


def test_too_many_wrong_keys(worlds):
    """Ten within a minute; then further wrong ones from the address are not looked at. A right key always is."""
    there = worlds.blocked
    answer = there.call("listTables")
    assert answer.status == 429 and answer.slug == "quota-exceeded"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert there.call("listTables", bearer("all")).status == 200
    assert there.call("listTables", {"Authorization": None}).status == 401
    assert there.call("livez").status == 200


def one_key(name, *scopes):
    return json.dumps({"auth": {"mode": "keys", "keys": [situations.key_settings(name, scopes)]}})


def test_wrong_keys_lock_nobody_out(start):
    """However many come from an address, whoever has a right key there is served."""
    server = start(one_key("right", "tables:read"))
    wrong = [server.get("/v1/tables", bearer("wrong")).status for _ in range(15)]
    assert (wrong[0], wrong[-1]) == (401, 429)
    assert server.get("/v1/tables", bearer("right")).status == 200


@pytest.mark.parametrize("hours", [-1, -264, 1])
def test_the_wait_does_not_follow_the_wall_clock(start, library, tmp_path, hours):
    faults = Faults(library, tmp_path / "page")
    server = start(one_key("right", "tables:read"), environment=faults.environment)
    for _ in range(11):
        blocked = server.get("/v1/tables", bearer("wrong"))
    assert blocked.status == 429
    faults.shift_clock(hours * 3600)
    later = server.get("/v1/tables", bearer("wrong"))
    assert later.status == 429 and 1 <= int(later.headers["Retry-After"]) <= 60, later


def test_metrics_are_not_for_strangers(start):
    server = start(one_key("right", "tables:read"))
    answer = server.get("/metrics")
    assert answer.status == 401 and "rowgate_" not in answer.text, answer


def test_an_expired_key_is_no_guess(worlds):
    server = worlds.start(json.dumps({"auth": {"mode": "keys", "keys": situations.KEYS}}))
    for _ in range(12):
        assert server.get("/v1/tables", bearer("expired")).status == 401
    assert server.get("/v1/tables", bearer("all")).status == 200


# --- allow-lists ------------------------------------------------------------------------------------------------


def told(answer):
    """A problem without what is another one in every answer."""
    return {name: value for name, value in answer.problem.items() if name not in ("request_id", "instance", "detail")}


def with_table(operation, table):
    """Query for operations that name a table in it."""
    return {"listRuns": f"table={table}", "originalLoad": f"table={table}&schema=test_db"}.get(operation.id, "")


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.scope and ("{table}" in each.path or each.id == "listRuns")],
                         ids=repr)
def test_tables_that_a_key_may_not_see(worlds, operation):
    """They are told as tables that are not there; nothing gives them away, not even a hint."""
    key = bearer("jobs only")
    hidden = worlds.keys.call(operation, key, with_table(operation, "departments"), table="departments")
    absent = worlds.keys.call(operation, key, with_table(operation, "departmentz"), table="departmentz")
    assert hidden.status == 404 and hidden.slug == "unknown-table", hidden
    assert told(hidden) == told(absent) and "hint" not in hidden.problem
    assert worlds.keys.call(operation, key, with_table(operation, "jobs"), table="jobs").status == 200


def test_the_original_api_and_hidden_tables(worlds):
    def load(table, name="jobs only"):
        return worlds.keys.call("originalLoad", bearer(name), f"table={table}&schema=test_db&append=1",
                                situations.fresh_rows() if table == "jobs" else b"id,department\n77,Attic\n")
    hidden, absent = load("departments"), load("departmentz")
    assert (hidden.status, hidden.text) == (400, "Unknown table: departments")
    assert (absent.status, absent.text) == (400, "Unknown table: departmentz")
    assert load("jobs").status == 200
    assert load("job_grades").status == 200, "a new table that the key may see is made"
    assert load("jobs", "nothing to see").text == "Unknown table: jobs"


def test_lists_show_what_a_key_may_see(worlds):
    key = bearer("jobs only")
    tables = [item["name"] for item in worlds.keys.call("listTables", key).json["items"]]
    assert tables and all(name == "jobs" or name.startswith("job_") for name in tables)
    runs = worlds.keys.call("listRuns", key, "limit=1000").json["items"]
    assert runs and all(run["kind"] == "load" and run["table"] in tables for run in runs)
    assert [item["name"] for item in worlds.keys.call("listReports", key).json["items"]] == ["large"]
    assert worlds.keys.call("listLinks", key).json == {"items": [], "next": None}
    for operation in ("listTables", "listRuns", "listReports", "listLinks"):
        assert worlds.keys.call(operation, bearer("nothing to see")).json == {"items": [], "next": None}


def test_pages_of_what_a_key_may_see(worlds):
    """A page is full, and a cursor leads on, whatever lies between that the key may not see."""
    key = bearer("jobs only")
    for _ in range(3):
        assert worlds.keys.call("loadFile", key).status == 200
    everything = [run["id"] for run in worlds.keys.call("listRuns", key, "limit=1000").json["items"]]
    found, cursor = [], ""
    while cursor is not None:
        page = worlds.keys.call("listRuns", key, "limit=2" + (f"&cursor={cursor}" if cursor else "")).json
        found += [run["id"] for run in page["items"]]
        cursor = page["next"]
    assert found == everything and len(found) >= 4


@pytest.mark.parametrize("operation", ["showRun", "listRejects", "downloadSource"])
def test_runs_that_a_key_may_not_see(worlds, operation):
    answers = [worlds.keys.call(operation, bearer("jobs only"), run=run) for run in (worlds.keys.run, "run_" + "0" * 26)]
    assert all(answer.status == 404 and answer.slug == "unknown-run" for answer in answers)
    assert told(answers[0]) == told(answers[1])


def test_who_may_see_some_reports_sees_the_runs_of_its_own(worlds):
    keys = [situations.key_settings("loader", ["loads:write"]),
            situations.key_settings("reader", ["reports:link", "runs:read"], tables=[], reports=["departments_above_mean"]),
            situations.key_settings("other", ["reports:link", "runs:read"], tables=[], reports=["departments_above_mean"])]
    server = worlds.start(json.dumps({"auth": {"mode": "keys", "keys": keys}}))
    for table in situations.TABLES:
        answer = server.post(f"/v1/tables/{table}/loads", (server.folder / f"{table}.csv").read_bytes(), bearer("loader"))
        assert answer.status == 200, answer
    made = server.post("/v1/reports/departments_above_mean/links", b"{}", {**situations.JSON, **bearer("reader")})
    assert made.status == 201, made
    run = made.json["run"]
    assert server.get(f"/v1/runs/{run}", bearer("reader")).status == 200
    assert [item["id"] for item in server.get("/v1/runs", bearer("reader")).json["items"]] == [run]
    assert server.get(f"/v1/runs/{run}", bearer("other")).status == 404
    assert server.get("/v1/runs", bearer("other")).json["items"] == []


def test_the_parent_of_a_load_must_be_visible(worlds):
    hidden = worlds.keys.call("loadFile", bearer("jobs only"), f"parent={worlds.keys.run}")
    assert hidden.status == 404 and hidden.slug == "unknown-run"


@pytest.mark.parametrize("operation", ["showReport", "runReportAsCsv", "runReportAsJson", "createLink"])
def test_reports_that_a_key_may_not_see(worlds, operation):
    answers = [worlds.keys.call(operation, bearer("jobs only"), report=name) for name in ("departments_above_mean", "nothing")]
    assert all(answer.status == 404 and answer.slug == "unknown-report" for answer in answers)
    assert told(answers[0]) == told(answers[1])


@pytest.mark.parametrize("operation", ["originalFirstReport", "originalSecondReport"])
def test_original_reports_that_a_key_may_not_see(worlds, operation):
    hidden, absent = worlds.keys.call(operation, bearer("jobs only")), worlds.keys.server.get("/third_sql_requirement")
    assert hidden.status == absent.status == 404 and told(hidden) == told(absent)


def test_links_that_a_key_may_not_see(worlds):
    hidden = worlds.keys.call("revokeLink", bearer("jobs only"))
    absent = worlds.keys.call("revokeLink", bearer("jobs only"), **NOTHING)
    assert hidden.status == absent.status == 404 and told(hidden) == told(absent)
    assert worlds.keys.call("download").status == 200


def test_an_idempotency_key_belongs_to_who_sent_it(worlds):
    """Another principal's equal key neither replays nor tells of the other's run."""
    sent, body = {"Idempotency-Key": "the same for two"}, situations.fresh_rows()
    first = worlds.keys.call("loadFile", {**bearer("loads:write"), **sent}, body=body)
    other = worlds.keys.call("loadFile", {**bearer("jobs only"), **sent}, body=situations.fresh_rows())
    assert (first.status, other.status) == (200, 200) and first.json["id"] != other.json["id"]
    assert first.json["principal"] == "key:loads:write" and other.json["principal"] == "key:jobs only"
    again = worlds.keys.call("loadFile", {**bearer("loads:write"), **sent}, body=body)
    assert again.json["id"] == first.json["id"] and again.headers["Idempotency-Replayed"] == "true"


def test_no_key_is_logged(worlds):
    worlds.keys.call("listTables")
    log = "\n".join(worlds.keys.server.log)
    assert '"principal":"key:all"' in log and "rgk_" not in log


# --- without keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_a_public_address_needs_keys(worlds, address):
    server = Server(ROWGATE, worlds.folder(), f"server: {{ listen: '{address}' }}", wait=False)
    code = server.process.wait(20)
    server.reader.join(5)
    assert code != 0 and "auth" in "\n".join(server.log), server.log
    assert not any('"listening"' in line for line in server.log)


def test_keys_are_not_looked_at_where_none_are_needed(worlds):
    assert worlds.plain.call("listTables", {"Authorization": "Bearer nonsense"}).status == 200
