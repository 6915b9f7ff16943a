"""Loads, runs, rejects, reports and links over HTTP."""

import gzip
import json
import pathlib

from server import form

JSON = {"Content-Type": "application/json"}
MIB = 1024 * 1024


def test_the_example(loaded):
    run = loaded.get("/v1/runs?table=hired_employees").json["items"][0]
    assert run["status"] == "succeeded_with_rejects"
    assert run["rows"] == {"read": 2000, "accepted": 1994, "rejected": 6, "skipped": 0}
    assert len(loaded.rows("hired_employees")) == 1994
    rejects = loaded.get(run["links"]["rejects"]).json["items"]
    assert [item["line"] for item in rejects] == [151, 401, 778, 1002, 1235, 1501]
    csv = loaded.get(run["links"]["rejects"], {"Accept": "text/csv"})
    assert csv.text.splitlines()[0].endswith("rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw")
    source = loaded.get(run["links"]["source"])
    assert source.body == (loaded.folder / "hired_employees.csv").read_bytes()


def test_a_gzip_body_and_a_form(server):
    data = (server.folder / "jobs.csv").read_bytes()
    answer = server.post("/v1/tables/jobs/loads", gzip.compress(data), {"Content-Encoding": "gzip"})
    assert answer.status == 200 and answer.json["rows"]["accepted"] == 183, answer.text
    body, kind = form(("file", "jobs.csv", data))
    answer = server.post("/v1/tables/jobs/loads?mode=replace", body, {"Content-Type": kind})
    assert answer.status == 200 and answer.json["file"]["name"] == "jobs.csv", answer.text
    assert answer.json["table_version"]["after"] == 2


def test_what_is_no_file(server):
    loads = "/v1/tables/jobs/loads"
    two, kind = form(("a", "a.csv", b"id,job\n1,a\n"), ("b", "b.csv", b"id,job\n2,b\n"))
    for path, body, headers, status, slug in (
            (loads, b"", {}, 400, "empty-file"),
            (loads, two, {"Content-Type": kind}, 400, "one-file-expected"),
            (loads, form(fields=[("a", "b")])[0], {"Content-Type": kind}, 400, "one-file-expected"),
            (loads, b"id,job\n", {"Content-Type": "application/pdf"}, 415, "unsupported-media"),
            (loads, b"id,job\n", {"Content-Encoding": "br"}, 415, "unsupported-encoding"),
            (loads, b"id,job\n", {"Content-Encoding": "gzip"}, 400, "bad-compression"),
            (loads + "?mode=append&mode=replace", b"id,job\n", {}, 400, "bad-parameter"),
            (loads + "?mode=merge", b"id,job\n", {}, 400, "bad-parameter"),
            (loads + "?colour=red", b"id,job\n", {}, 400, "bad-parameter"),
            ("/v1/tables/nothing/loads", b"id\n1\n", {}, 404, "unknown-table"),
            ("/v1/tables/%2e%2e/loads", b"id\n1\n", {}, 404, "unknown-table"),
            (loads, b"number,job\n1,a\n", {}, 422, "header-mismatch"),
            (loads, b"id,job\nx,a\n", {}, 422, "rows-rejected")):
        answer = server.post(path, body, headers)
        assert (answer.status, answer.problem["type"].rsplit("/", 1)[1]) == (status, slug), (path, headers, answer.text)
    assert server.rows("jobs") == []
    assert server.get("/livez").status == 200


def test_validation_changes_nothing(server):
    answer = server.post("/v1/tables/jobs/validate", b"id,job\n1,Glazier\nx,Potter\n" + b"".join(
        b"%d,Job %d\n" % (i, i) for i in range(10, 40)))
    assert answer.status == 200 and answer.json["dry_run"] and answer.json["rows"]["rejected"] == 1, answer.text
    assert server.rows("jobs") == []


def test_the_same_key_loads_once(server):
    body, key = b"id,job\n1,Glazier\n", {"Idempotency-Key": "4b1c"}
    first = server.post("/v1/tables/jobs/loads", body, key)
    again = server.post("/v1/tables/jobs/loads", body, key)
    assert (first.status, again.status) == (200, 200)
    assert again.headers["Idempotency-Replayed"] == "true" and again.json["id"] == first.json["id"]
    other = server.post("/v1/tables/jobs/loads", b"id,job\n2,Potter\n", key)
    assert other.status == 422 and other.problem["code"] == "run.idempotency_reused"
    assert server.rows("jobs") == [(1, "Glazier")]


def test_links(loaded):
    address = "/v1/reports/departments_above_mean/links"
    made = loaded.post(address, b'{"expires_in": 3600}', {"Content-Type": "application/json"})
    assert made.status == 201 and made.json["rows"] == 5, made.text
    path = made.json["url"][made.json["url"].index("/d/"):]
    assert loaded.get(path).text.splitlines()[0] == "id,department,hired"
    for forged in (path + "&x=1", path[:-1] + ("A" if path[-1] != "A" else "B"), path.replace("?e=", "?e=9"),
                   path + "&" + path.split("&")[-1]):
        assert loaded.get(forged).status == 403, forged
    assert loaded.post(address, b"", {"Content-Type": "application/json"}).json["reused"] is True
    for body in (b"[]", b"{", b'{"expires": 1}', b'{"expires_in": "soon"}', b'{"filename": 3}'):
        assert loaded.post(address, body, {"Content-Type": "application/json"}).problem["code"] == "request.bad_json", body
    assert loaded.request("DELETE", "/v1/links/" + made.json["id"]).status == 204
    assert loaded.get(path).status == 410


def test_a_stopped_server_ends_well(start):
    server = start()
    assert server.get("/readyz").status == 200
    assert server.stop() == 0
    assert any('"stopped"' in line for line in server.log)


def wide_table(columns):
    fields = [{"name": f"c{number}", "type": "integer"} for number in range(columns)]
    return json.dumps({"tables": {"wide": {"schema": {"fields": fields}}}})


def wide_file(columns, rows):
    """Every value is wrong."""
    return (",".join(f"c{number}" for number in range(columns)) + "\n" + (",".join(["x"] * columns) + "\n") * rows).encode()


def kept(server):
    return sum(path.stat().st_size for path in (server.folder / "data" / "files").rglob("*") if path.is_file())


def test_what_is_kept_is_in_proportion_to_what_was_read(start):
    server = start(wide_table(1000))
    file = wide_file(1000, 200)
    before = kept(server)
    assert server.post("/v1/tables/wide/validate?max_rejects=100%25", gzip.compress(file), {"Content-Encoding": "gzip"}).status in (200, 422)
    assert kept(server) - before <= 3 * len(file) + MIB

    lines = b"id,department\n" + b"x,\n" * 400_000
    run = server.post("/v1/tables/departments/validate?max_rejects=100%25", lines, {"Prefer": "wait=60"})
    assert run.status in (200, 422), run
    assert kept(server) - before <= 3 * (len(file) + len(lines)) + 2 * MIB


def test_a_page_of_runs_is_bounded_in_bytes(start):
    server = start(wide_table(1000))
    for _ in range(60):
        assert server.post("/v1/tables/wide/validate", wide_file(1000, 1)).status == 422
    seen, query = 0, "limit=1000"
    while query:
        page = server.get(f"/v1/runs?{query}")
        assert page.status == 200 and len(page.body) <= 5 * MIB, len(page.body)
        seen += len(page.json["items"])
        query = page.json["next"] and f"limit=1000&cursor={page.json['next']}"
    assert seen == 60


def test_a_page_of_links_is_bounded_in_bytes(start):
    """However long the parameters are that a report takes."""
    parameters = {f"p{number}": {"type": "string", "default": ""} for number in range(8)}
    report = {"sql": "SELECT " + ", ".join(f"length(:{name}) AS {name}" for name in parameters), "params": parameters, "reuse": "0s"}
    server = start(json.dumps({"reports": {"echo": report}}))
    assert server.post("/v1/tables/departments/loads", b"id,department\n1,A\n").status == 200
    for size, times in ((1_000_000, 8), (4000, 250)):
        for number in range(times):
            sent = {"params": {name: f"{number} " + "x" * (size // 8 if size > 4000 else size) for name in parameters}}
            assert server.post("/v1/reports/echo/links", json.dumps(sent).encode(), JSON).status in (201, 400)
    for path in ("/v1/links?limit=1000", "/v1/reports/echo"):
        assert len(server.get(path).body) <= 5 * MIB, path


def bytes_read(server):
    text = pathlib.Path(f"/proc/{server.process.pid}/io").read_text()
    return int(text.partition("rchar: ")[2].split()[0])


def test_a_page_of_rejects_is_as_near_as_the_first(start):
    """Whoever reads all of them, page by page, makes the server read each a few times, not as often as there are pages."""
    server = start()
    lines = b"id,department\n1,Good\n" + b"".join(b"x%d,Department\n" % number for number in range(100_000))
    answer = server.post("/v1/tables/departments/loads?max_rejects=100%25", lines, {"Prefer": "wait=60"})
    assert answer.status == 200, answer
    before, seen, sent, query = bytes_read(server), 0, 0, "limit=1000"
    while query:
        page = server.get(f"/v1/runs/{answer.json['id']}/rejects?{query}")
        assert page.status == 200, page
        seen, sent = seen + len(page.json["items"]), sent + len(page.body)
        query = page.json["next"] and f"limit=1000&cursor={page.json['next']}"
    assert seen == 100_000
    read = bytes_read(server) - before
    assert read <= 4 * sent, f"{read} bytes were read to send {sent}"
