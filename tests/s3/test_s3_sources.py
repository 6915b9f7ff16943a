"""Files that are put into the bucket by an address of POST /v1/sources, and loaded from there."""

import gzip
import http.client
import json
import threading
import time
import urllib.parse

import pytest

JSON = {"Content-Type": "application/json"}
ID = "0" * 26


def make(server, **wanted):
    answer = server.post("/v1/sources", json.dumps(wanted).encode(), JSON)
    assert answer.status == 201, answer.text
    return answer.json


def put(source, data, headers=None):
    parts = urllib.parse.urlsplit(source["url"])
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.request(source["method"], f"{parts.path}?{parts.query}", data, source["headers"] if headers is None else headers)
    status = connection.getresponse().status
    connection.close()
    return status


def load(server, table, key, query="", **more):
    return server.request("POST", f"/v1/tables/{table}/loads?source={urllib.parse.quote(key, safe='')}{query}", **more)


@pytest.fixture
def server(place):
    return place.serve()


def test_a_source_is_put_and_loaded(place, server):
    source = make(server, filename="departments.csv")
    assert source["key"].startswith("uploads/-/upl_") and source["key"].endswith("/departments.csv")
    data = (place.folder / "departments.csv").read_bytes()
    assert put(source, data) == 200
    assert place.stored("uploads") == [source["key"]]
    answer = server.request("POST", source["load"].replace("{table}", "departments"))
    assert answer.status == 200, answer.text
    run = answer.json
    assert run["rows"]["accepted"] == 12 and run["file"]["name"] == "departments.csv" and run["file"]["bytes"] == len(data)
    assert server.get(f"/v1/runs/{run['id']}/source").body == data
    assert len(server.rows("departments")) == 12


def test_it_can_be_judged_first_and_compressed(place, server):
    source = make(server)
    assert put(source, gzip.compress((place.folder / "jobs.csv").read_bytes())) == 200
    path = f"/v1/tables/jobs/validate?source={urllib.parse.quote(source['key'])}"
    judged = server.request("POST", path)
    assert judged.status == 200 and judged.json["dry_run"] and judged.json["rows"]["accepted"] == 183
    assert server.rows("jobs") == []
    assert load(server, "jobs", source["key"]).json["rows"]["accepted"] == 183


def test_the_original_api_loads_it_too(place, server):
    source = make(server)
    query = "/db_migration?table=jobs&schema=test_db&source="
    answer = server.request("POST", query + source["key"])
    assert (answer.status, answer.text) == (400, f"Unknown source: {source['key']}")
    assert put(source, (place.folder / "jobs.csv").read_bytes()) == 200
    answer = server.request("POST", query + source["key"])
    assert (answer.status, answer.text) == (200, "Data loaded succesfully!"), answer
    assert answer.headers["Rowgate-Rows"] == "read=183, accepted=183, rejected=0"
    assert put(source, b"") == 200
    answer = server.request("POST", query + source["key"])
    assert (answer.status, answer.text) == (400, "Cannot find data to upload")
    assert len(server.rows("jobs")) == 183


def test_rows_of_a_source_are_refused_as_those_of_a_body(server):
    source = make(server)
    assert put(source, b"id,job\nx,Potter\n") == 200
    answer = load(server, "jobs", source["key"])
    assert answer.status == 422 and answer.slug == "rows-rejected"
    assert answer.problem["errors"][0]["code"] == "value.not_integer"


def test_a_source_of_one_table_goes_into_that_one_only(place, server):
    source = make(server, table="jobs")
    assert source["key"].startswith("uploads/jobs/upl_") and source["key"].endswith("/jobs.csv")
    assert source["load"].startswith("/v1/tables/jobs/loads?source=")
    assert put(source, (place.folder / "jobs.csv").read_bytes()) == 200
    answer = load(server, "departments", source["key"])
    assert answer.status == 400 and "jobs" in answer.problem["detail"]
    assert server.request("POST", source["load"]).status == 200


@pytest.mark.parametrize("key", [
    "", "/", "..", ".link-keys", "sources/run_" + ID, "reports/lnk_" + ID + "/a.csv", "uploads", "uploads/-", f"uploads/-/upl_{ID}",
    f"uploads/-/upl_{ID}/", f"uploads/-/upl_{ID}/../../../.link-keys", f"uploads/-/upl_{ID}/a/b", f"uploads/../uploads/upl_{ID}/a.csv",
    f"/uploads/-/upl_{ID}/a.csv", f"uploads/-/run_{ID}/a.csv", f"uploads//upl_{ID}/a.csv", "\u00fcploads/-/a", f"uploads/-/upl_{ID}/a.csv",
])
def test_nothing_else_of_the_bucket_can_be_named(place, server, key):
    """What is no key is told in the same words as a key where nothing lies."""
    place.s3.request("PUT", f"{place.prefix}/sources/run_{ID}", body=b"id,job\n1,Spy\n")
    answer = load(server, "jobs", key)
    assert (answer.status, answer.slug) == (404, "unknown-source"), answer
    assert answer.problem["code"] == "source.unknown"
    assert server.rows("jobs") == []


def test_a_source_and_a_body_are_two_files(server):
    source = make(server)
    assert put(source, b"id,job\n1,Potter\n") == 200
    answer = load(server, "jobs", source["key"], body=b"id,job\n2,Baker\n", headers={"Content-Type": "text/csv"})
    assert answer.status == 400 and server.rows("jobs") == []


@pytest.mark.parametrize("body, pointer", [
    (b"[]", None), (b"{", None), (b'{"colour": "red"}', "/colour"), (b'{"filename": "a/b"}', "/filename"), (b'{"filename": 3}', "/filename"),
    (b'{"filename": ".a"}', "/filename"), (b'{"expires_in": 0}', "/expires_in"), (b'{"expires_in": 604801}', "/expires_in"),
    (b'{"expires_in": "soon"}', "/expires_in"), (b'{"table": 1}', "/table"),
])
def test_what_cannot_be_asked_for(server, body, pointer):
    answer = server.post("/v1/sources", body, JSON)
    assert (answer.status, answer.slug) == (400, "bad-json"), answer
    assert [item["pointer"] for item in answer.problem.get("errors", [])] == ([pointer] if pointer else [])


def test_its_address_is_for_one_put_of_one_kind_and_ends(place, server):
    source = make(server, expires_in=2)
    assert put({**source, "method": "GET"}, None) == 403
    assert put(source, b"id,job\n", {"Content-Type": "text/html"}) == 403
    assert put({**source, "url": source["url"].replace("upl_0", "upl_1")}, b"x") == 403
    assert put(source, b"id,job\n") == 200
    time.sleep(3)
    assert put(source, b"id,job\n1,Late\n") == 403
    assert place.s3.get(f"{place.prefix}/{source['key']}") == b"id,job\n"


def test_a_large_source_passes_where_a_large_body_does_not(place):
    """A body has a limit of its own in the original API, and the answer tells the way out."""
    server = place.serve("compat: { max_bytes: 1536KiB }\nlimits: { max_upload_bytes: 4MiB }")
    rows = b"id,job\n" + b"".join(b"%d,Job %d\n" % (number, number) for number in range(1, 100_001))
    posted = server.post("/db_migration?table=jobs&schema=test_db", rows)
    assert posted.status == 413
    assert posted.text == "The file is larger than 1.5 MB. POST /v1/sources tells where to put it; then load it by ?source=KEY."
    source = make(server)
    assert put(source, rows) == 200
    answer = server.request("POST", f"/db_migration?table=jobs&schema=test_db&source={source['key']}")
    assert (answer.status, answer.text) == (200, "Data loaded succesfully!")
    assert len(server.rows("jobs")) == 100_000

    assert server.get("/v1").json["limits"]["max_source_bytes"] == 4 << 20 == source["max_bytes"]
    assert put(source, rows * 3) == 200
    for path in (f"/v1/tables/jobs/loads?source={source['key']}", f"/db_migration?table=jobs&schema=test_db&source={source['key']}"):
        refused = server.request("POST", path)
        assert refused.status == 413 and "source is larger than" in refused.text, refused
    posted = server.post("/v1/tables/jobs/loads", rows * 3)
    assert posted.status == 413 and "/v1/sources" in posted.problem["hint"]


def test_the_same_key_loads_once(place, server):
    source = make(server)
    assert put(source, (place.folder / "jobs.csv").read_bytes()) == 200
    once = {"Idempotency-Key": "once"}
    first = load(server, "jobs", source["key"], headers=once)
    again = load(server, "jobs", source["key"], headers=once)
    assert first.status == again.status == 200 and first.json["id"] == again.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_source_that_is_fetched_is_told_as_received(place, server):
    """Many at once; each is a run of its own."""
    source = make(server)
    assert put(source, b"id,job\n" + b"".join(b"%d,Job %d\n" % (n, n) for n in range(1, 20001))) == 200
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(load(server, "jobs", source["key"], "&mode=upsert"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(answer.status in (200, 202) for answer in answers), answers
    for answer in answers:
        assert server.ended(answer.json["id"])["rows"]["accepted"] == 20000
    deadline = time.monotonic() + 20  # they go to the bucket behind the answer
    while list((place.folder / "data" / "spool" / "uploads").glob("*")):
        assert time.monotonic() < deadline, "a received file stays in the spool"
        time.sleep(0.02)


def test_sources_are_kept_for_their_time(place):
    server = place.serve()
    source = make(server)
    assert put(source, b"id,job\n") == 200
    server.stop()
    time.sleep(2.1)
    server = place.serve("storage: { keep: { sources: 1s } }")
    deadline = time.monotonic() + 20
    while place.stored("uploads"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
