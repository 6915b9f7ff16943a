"""An answer is what its headers say: validators cover the body, ranges are of GET, targets of all forms are the same, and the log holds no data."""

import contextlib
import hashlib
import sqlite3

from server import answers_in

REPORT = "/v1/reports/departments_above_mean/links"
JSON = {"Content-Type": "application/json"}


def test_the_etag_of_a_table_covers_all_of_it(loaded):
    first = loaded.get("/v1/tables/jobs")
    known = {"If-None-Match": first.headers["ETag"]}
    assert loaded.get("/v1/tables/jobs", known).status == 304
    loaded.post("/v1/tables/jobs/loads?max_rejects=0", b"id,job\nx,Baker\n")  # loads nothing, and is the last run
    second = loaded.get("/v1/tables/jobs", known)
    assert second.status == 200
    assert second.json["last_run"] != first.json["last_run"]
    with contextlib.closing(sqlite3.connect(loaded.folder / "data/rowgate.db")) as database, database:
        database.execute("DELETE FROM jobs WHERE id = (SELECT MAX(id) FROM jobs)")
    third = loaded.get("/v1/tables/jobs", {"If-None-Match": second.headers["ETag"]})
    assert third.status == 200
    assert third.json["rows"] == second.json["rows"] - 1


def test_the_etag_of_a_load_is_its_runs(loaded):
    answer = loaded.post("/v1/tables/jobs/loads?mode=replace", (loaded.folder / "jobs.csv").read_bytes())
    known = {"If-None-Match": answer.headers["ETag"]}
    assert loaded.get(f"/v1/runs/{answer.json['id']}", known).status == 304


def test_ranges_are_of_get_alone(loaded):
    made = loaded.post(REPORT, b"{}", JSON).json
    path = made["url"][made["url"].index("/d/"):]
    whole = loaded.request("HEAD", path)
    part = loaded.request("HEAD", path, headers={"Range": "bytes=0-3"})
    assert (whole.status, part.status) == (200, 200)
    assert part.headers["Content-Length"] == whole.headers["Content-Length"]
    assert "Content-Range" not in part.headers
    assert loaded.get(path, {"Range": "bytes=0-3"}).status == 206


def test_a_target_in_absolute_form_is_the_same_resource(loaded):
    made = loaded.post(REPORT, b"{}", JSON).json
    path = made["url"][made["url"].index("/d/"):]
    host = f"127.0.0.1:{loaded.port}"
    for target in (path, "/v1/tables/jobs", "/openapi.json", "/livez"):
        plain = loaded.get(target)
        sent = loaded.raw(f"GET http://{host}{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        absolute = answers_in(sent)[0]
        assert (absolute.status, absolute.body) == (plain.status, plain.body), target
    sent = loaded.raw(f"GET http://{host}/first_sql_requirement HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answers_in(sent)[0].status == 200, "each answer has a link of its own"


def test_a_delimiter_that_is_the_quote_is_refused(start):
    server = start("tables: {jobs: {dialect: {quoteChar: \"'\"}}}")
    answer = server.post("/v1/tables/jobs/loads?delimiter='", b"id,job\n1,Baker\n")
    assert answer.status == 400
    assert "quote character" in answer.json["detail"]
    assert server.post("/v1/tables/jobs/loads?delimiter=;", b"id;job\n1;Baker\n").status == 200


def test_trusted_proxies_may_send_ports(start):
    """The address is the same with and without one, so that a client has one share of the wrong keys."""
    key = "rgk_" + "k" * 43
    server = start(f"""
server: {{trusted_proxies: [127.0.0.1]}}
auth: {{mode: keys, keys: [{{name: k, sha256: {hashlib.sha256(key.encode()).hexdigest()}, scopes: [admin]}}]}}
""")
    wrong = {"Authorization": "Bearer rgk_" + "w" * 43}
    forms = ["198.51.100.7:1000", "198.51.100.7", "198.51.100.7:65535"]
    statuses = [server.get("/v1/tables", {**wrong, "X-Forwarded-For": forms[i % 3]}).status for i in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert server.get("/v1/tables", {**wrong, "X-Forwarded-For": "[2001:db8::1]:443"}).status == 401
