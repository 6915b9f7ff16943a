"""The main paths of /v1: loads and what they refuse, reports, links, files that go through the bucket."""

import json
import time
import urllib.parse

import pytest

from conftest import CSV, DATA, JSON

LOADS = "/v1/tables/jobs/loads"


def test_the_service_tells_its_limits(api, limits):
    service = api.get("/v1").json
    assert service["name"] == "rowgate" and service["links"]["tables"] == "/v1/tables"
    assert limits["max_upload_bytes"] > 1_000_000


def test_tables(example):
    items = {item["name"]: item for item in example.get("/v1/tables").json["items"]}
    assert [items[name]["rows"] for name in ("departments", "jobs", "hired_employees")] == [12, 183, 1994]
    one = example.get("/v1/tables/departments/rows?limit=2").json
    assert one["items"] == [{"id": 1, "department": "Archive"}, {"id": 2, "department": "Bookkeeping"}] and one["next"]
    csv = example.get("/v1/tables/departments/rows", {"Accept": "text/csv"})
    assert csv.text.splitlines()[:2] == ["id,department", "1,Archive"]


def test_a_load_and_its_run(example):
    body = (DATA / "hired_employees.csv").read_bytes()
    answer = example.post("/v1/tables/hired_employees/loads?mode=replace&name=hires.csv", body)
    assert answer.status == 200, answer
    run = answer.json
    assert run["status"] == "succeeded_with_rejects" and run["file"]["name"] == "hires.csv"
    assert run["rows"]["read"] == 2000 and run["rows"]["accepted"] == 1994 and run["rows"]["rejected"] == 6
    assert example.get(f"/v1/runs/{run['id']}").json["rows"] == run["rows"]
    assert run["id"] in [item["id"] for item in example.get("/v1/runs?limit=5").json["items"]]
    assert example.get(f"/v1/runs/{run['id']}/source").body == body


def test_what_a_load_refused(example):
    run = example.post("/v1/tables/hired_employees/loads?mode=replace", (DATA / "hired_employees.csv").read_bytes()).json["id"]
    items = example.get(f"/v1/runs/{run}/rejects").json["items"]
    assert [(item["line"], item["errors"][0]["code"]) for item in items] == [
        (151, "rule.required"), (401, "value.not_integer"), (778, "value.not_datetime"), (1002, "key.no_parent"),
        (1235, "key.duplicate_in_file"), (1501, "record.too_many_fields")]
    lines = example.get(f"/v1/runs/{run}/rejects", {"Accept": "text/csv"}).text.splitlines()
    assert len(lines) == 7 and lines[0].endswith("rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw")


def test_too_many_refused_rows_load_nothing(example):
    answer = example.post(LOADS + "?mode=replace", b"id,job\nx,Potter\n2,Baker\n")
    assert answer.status == 422 and answer.slug == "rows-rejected"
    assert answer.json["errors"][0]["line"] == 2 and answer.json["errors"][0]["code"] == "value.not_integer"
    assert example.get("/v1/tables/jobs").json["rows"] == 183


def test_a_file_is_judged_without_being_loaded(example):
    answer = example.post("/v1/tables/jobs/validate?mode=replace", (DATA / "jobs.csv").read_bytes())
    assert answer.status == 200 and answer.json["dry_run"] and answer.json["rows"]["accepted"] == 183


def test_the_same_key_loads_once(example):
    key = {"Idempotency-Key": f"tests/api {time.time_ns()}", **CSV}
    body = b"id,job\n900002,Lamplighter\n"
    first, again = (example.post(LOADS, body, key) for _ in range(2))
    assert first.status == again.status == 200, (first, again)
    assert first.json["id"] == again.json["id"] and again.headers["Idempotency-Replayed"] == "true"
    assert example.get("/v1/tables/jobs").json["rows"] == 184


@pytest.mark.parametrize("method, path, headers, body, status, slug", [
    ("GET", "/v1/nothing", {}, None, 404, "not-found"),
    ("GET", "/v1/tables/nothing", {}, None, 404, "unknown-table"),
    ("GET", "/v1/runs/run_" + "0" * 26, {}, None, 404, "unknown-run"),
    ("GET", "/v1/reports/nothing.csv", {}, None, 404, "unknown-report"),
    ("GET", "/v1/tables?colour=red", {}, None, 400, "bad-parameter"),
    ("GET", "/v1/tables", {"Accept": "image/png"}, None, 406, "not-acceptable"),
    ("PUT", "/v1/tables", {}, None, 405, "method-not-allowed"),
    ("POST", LOADS, CSV, b"", 400, "empty-file"),
    ("POST", LOADS, {"Content-Type": "application/pdf"}, b"id,job\n", 415, "unsupported-media"),
    ("POST", LOADS, CSV, b"number,job\n1,Potter\n", 422, "header-mismatch"),
    ("POST", "/v1/reports/departments_above_mean/links", JSON, b"[]", 400, "bad-json"),
])
def test_errors_are_problems(api, method, path, headers, body, status, slug):
    answer = api.request(method, path, body, headers)
    assert (answer.status, answer.slug) == (status, slug), answer
    assert answer.json["status"] == status and answer.json["title"] and answer.json["request_id"] == answer.headers["Request-Id"]


def test_a_body_over_the_limit(api, limits):
    most = limits["max_upload_bytes"]
    if most > 16 << 20:
        return  # the limit of a server that takes so much is tried by its own tests
    answer = api.post(LOADS, b"id,job\n" + b"x" * most)
    assert answer.status == 413 and answer.slug == "too-large" and answer.json["limit"] == most
    assert "/v1/sources" in answer.json["hint"], "the way out is named"


def test_reports(example):
    csv = example.get("/v1/reports/departments_above_mean.csv")
    assert csv.text.splitlines()[:2] == ["id,department,hired", "1,Archive,155"]
    assert example.get("/v1/reports/departments_above_mean.json").json[0] == {"id": 1, "department": "Archive", "hired": 155}
    assert "hired_by_quarter" in [item["name"] for item in example.get("/v1/reports").json["items"]]


def make_link(api, **wanted):
    answer = api.post("/v1/reports/departments_above_mean/links", json.dumps(wanted).encode(), JSON)
    assert answer.status == 201, answer
    return answer.json


def test_a_link_works_until_its_end_and_as_it_was_signed(example):
    link = make_link(example, expires_in=3)
    csv = example.follow(link["url"])
    assert csv.status == 200 and len(csv.body) == link["bytes"], csv
    assert csv.text.splitlines()[1] == "1,Archive,155"
    url = urllib.parse.urlsplit(link["url"])
    changed = url.query.replace("e=", "e=9", 1)
    assert example.fetch(urllib.parse.urlunsplit(url._replace(query=changed))).status == 403
    deadline = time.monotonic() + 15
    while example.fetch(link["url"]).status in (200, 302):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert example.fetch(link["url"]).status == 410


def test_a_link_can_be_revoked(example):
    link = make_link(example)
    assert link["id"] in [item["id"] for item in example.get("/v1/links?limit=5").json["items"]]
    assert example.follow(link["url"]).status == 200
    assert example.request("DELETE", f"/v1/links/{link['id']}").status == 204
    assert example.fetch(link["url"]).status == 410


def test_a_file_goes_through_the_bucket_or_is_told_that_there_is_none(example, limits):
    answer = example.post("/v1/sources", b'{"filename": "jobs.csv"}', JSON)
    if "max_source_bytes" not in limits:
        assert answer.status == 409 and answer.slug == "sources-not-offered"
        return
    assert answer.status == 201, answer
    source = answer.json
    unknown = example.request("POST", source["load"].format(table="jobs"))
    assert unknown.status == 404 and unknown.slug == "unknown-source"
    put = example.fetch(source["url"], source["method"], (DATA / "jobs.csv").read_bytes(), source["headers"])
    assert put.status == 200, put
    loaded = example.request("POST", source["load"].format(table="jobs") + "&mode=replace")
    assert loaded.status == 200 and loaded.json["rows"]["accepted"] == 183, loaded
    query = f"/db_migration?table=jobs&schema={example.schema}&source={urllib.parse.quote(source['key'])}"
    loaded = example.request("POST", query)
    assert (loaded.status, loaded.text) == (200, "Data loaded succesfully!")
    assert loaded.headers["Rowgate-Rows"] == "read=183, accepted=183, rejected=0"


@pytest.mark.needs_key
def test_nothing_without_the_key(api):
    for path in ("/v1/tables", "/v1/runs", "/first_sql_requirement"):
        answer = api.get(path, with_key=False)
        assert answer.status in (401, 403), answer  # rowgate's own keys, or those of its gateway
    assert api.post(LOADS, b"id,job\n1,Spy\n", with_key=False).status in (401, 403)
