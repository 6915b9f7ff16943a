"""An answer is what its headers say: validators cover the body, ranges are of GET, targets of all forms are the same, and the log holds no data."""

import contextlib
import csv
import hashlib
import io
import json
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


FORMULAS = [(1, "=1+1"), (2, "+cmd"), (3, "-2-3"), (4, "@sum"), (5, "\ttab"), (6, "'quoted"), (7, "-12.5"), (8, "plain")]
ESCAPED = [(number, text if text in ("-12.5", "plain") else "'" + text) for number, text in FORMULAS]


def cells(answer):
    assert answer.status == 200, answer
    return [(int(number), text) for number, text in list(csv.reader(io.StringIO(answer.text, newline="")))[1:]]


def test_formulas_are_escaped_where_that_is_asked_for(start):
    report = {"sql": "SELECT id, department FROM departments ORDER BY id"}
    own = {"sql": "SELECT 1 AS id, :escape_formulas AS department", "params": {"escape_formulas": {"type": "string"}}}
    server = start(json.dumps({"reports": {"all": report, "own": own}, "limits": {"max_rejects": 0}}))
    body = io.StringIO(newline="")
    csv.writer(body).writerows([("id", "department"), *FORMULAS])
    assert server.post("/v1/tables/departments/loads", body.getvalue().encode()).status == 200

    as_csv = {"Accept": "text/csv"}
    for path in ("/v1/tables/departments/rows", "/v1/reports/all.csv"):
        for value in ("true", "1"):
            assert cells(server.get(f"{path}?escape_formulas={value}", as_csv)) == ESCAPED, path
        for query in ("", "?escape_formulas=false", "?escape_formulas=0"):
            assert cells(server.get(path + query, as_csv)) == FORMULAS, path
        wrong = server.get(f"{path}?escape_formulas=yes", as_csv)
        assert (wrong.status, wrong.slug) == (400, "bad-parameter"), wrong
    page = server.get("/v1/tables/departments/rows?limit=2&escape_formulas=true", as_csv)
    assert cells(page) == ESCAPED[:2]
    following = page.headers["Link"].partition("<")[2].partition(">")[0]
    assert cells(server.get(following, as_csv)) == ESCAPED[2:4]
    assert cells(server.get("/v1/reports/own.csv?escape_formulas==x")) == [(1, "=x")]
    assert server.get("/v1/reports/all.json?escape_formulas=true").status == 400
    json_rows = server.get("/v1/tables/departments/rows?escape_formulas=true").json["items"]
    assert [tuple(row.values()) for row in json_rows] == FORMULAS
    empty = server.get("/v1/tables/jobs/rows?escape_formulas=true", as_csv)
    assert empty.text == "id,job\r\n"
