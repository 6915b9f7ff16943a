"""Loads, runs, rejects, reports and links over HTTP."""

import gzip

from server import form


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
