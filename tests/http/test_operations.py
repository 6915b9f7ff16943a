"""Every answer that docs/http-api.yaml lists is provoked over a socket, and is as it says there.

Server.request() holds every answer of every test against the description; here each of its lines has a way to come about.
"""

import contextlib
import gzip
import socket
import sqlite3
import subprocess

import pytest

import api
import worlds as situations
from server import answers_in
from worlds import JSON, busy_connection, fresh_rows, locked, meanwhile, wait_until

OPERATIONS = list(api.OPERATIONS.values())
GETS = [operation for operation in OPERATIONS if operation.method == "GET"]

# What cannot be brought about over a socket, and where it is tested instead.
ELSEWHERE = {
    ("livez", 503): "the loop stands still for a second: src/api/application_test.cc and src/http/server_test.cc",
    ("download", 302): "the report is in a bucket: tests/s3/test_s3_links.py",
    ("reloadConfiguration", 404): "on AWS Lambda: tests/lambda",
    ("createSource", 201): "there is a bucket: tests/s3/test_s3_sources.py",
}

WAYS = {}


def way(status, *operations):
    """Registers how `operations` (names; none: all for which there is no other way) come to answer with `status`."""

    def register(function):
        for operation in operations or [None]:
            assert (operation, status) not in WAYS, f"two ways to {operation} {status}"
            WAYS[operation, status] = function
        return function

    return register


def way_to(operation, status):
    return WAYS.get((operation.id, status)) or WAYS.get((None, status))


@way(200)
def as_described(worlds, operation, media):
    return worlds.plain.call(operation, {"Accept": media})


@way(200, "originalLoad")
def original_load(worlds, operation, _media):
    return worlds.plain.call(operation, query="table=departments&schema=test_db&append=1", body=b"id,department\n99,Attic\n")


@way(201)
def a_link(worlds, operation, _media):
    return worlds.plain.call(operation)


@way(202)
def not_done_in_time(worlds, operation, _media):
    there = worlds.impatient
    with locked(there.folder):
        first = there.call("loadFile")
        answer = there.call(operation)
    there.server.ended(first.json["id"])
    there.server.ended(answer.json["id"])
    return answer


@way(204)
def nothing_to_tell(worlds, operation, _media):
    return worlds.plain.call(operation)


@way(204, "revokeLink")
def a_revoked_link(worlds, operation, _media):
    made = worlds.plain.call("createLink").json["id"]
    assert worlds.plain.call(operation, link=made).status == 204
    return worlds.plain.call(operation, link=made)


@way(206)
def a_range(worlds, operation, _media):
    return worlds.plain.call(operation, {"Range": "bytes=2-5"})


@way(304)
def known_already(worlds, operation, _media):
    etag = worlds.plain.call(operation).headers["ETag"]
    return worlds.plain.call(operation, {"If-None-Match": etag})


@way(400)
def an_unknown_parameter(worlds, operation, _media):
    answer = worlds.plain.call(operation, query="colour=red")
    assert answer.slug == "bad-parameter" and "colour" in answer.problem["detail"], answer
    return answer


@way(400, "originalLoad")
def no_schema(worlds, operation, _media):
    return worlds.plain.call(operation, query="table=jobs")


@way(401)
def no_key(worlds, operation, _media):
    return worlds.keys.call(operation, {"Authorization": None})


@way(403)
def a_key_of_another_scope(worlds, operation, _media):
    return worlds.keys.call(operation, situations.bearer("backups:read"))


@way(403, "download")
def a_forged_link(worlds, operation, _media):
    return worlds.plain.call(operation, query=worlds.plain.download.partition("?")[2] + "0")


@way(404)
def names_of_nothing(worlds, operation, _media):
    return worlds.plain.call(operation, table="nothing", run="run_" + "0" * 26, report="nothing", link="lnk_" + "0" * 26,
                             problem="nothing")


@way(404, "listRuns")
def runs_of_no_table(worlds, operation, _media):
    return worlds.plain.call(operation, query="table=nothing")


@way(404, "metrics", "originalLoad", "originalFirstReport", "originalSecondReport")
def switched_off(worlds, operation, media):
    if media == "text/plain":  # a report before all of its tables are loaded
        there = situations.Situation(worlds.start())
        assert there.call("loadFile").status == 200
        return there.call(operation)
    return worlds.bare.call(operation)


@way(404, "createSource")
def a_source_for_no_table(worlds, operation, _media):
    return worlds.plain.call(operation, body=b'{"table": "nothing"}')


@way(406)
def no_such_form(worlds, operation, _media):
    return worlds.plain.call(operation, {"Accept": "image/png"})


@way(409)
def another_table(worlds, operation, _media):
    return worlds.changed.call(operation)


@way(409, "originalLoad")
def another_table_by_the_original_api(worlds, operation, _media):
    return worlds.changed.call(operation, query="table=jobs&schema=test_db&append=true")


@way(409, "createSource")
def no_bucket(worlds, operation, _media):
    answer = worlds.plain.call(operation)
    for loading in ("loadFile", "validateFile"):
        source = worlds.plain.call(loading, query="source=uploads/-/upl_" + "0" * 26 + "/jobs.csv", body=b"")
        assert (source.status, source.slug) == (409, answer.slug), source
    return answer


@way(409, "createLink")
def the_same_at_the_same_time(worlds, operation, _media):
    there, key = worlds.plain, {"Idempotency-Key": "the same at the same time"}
    with meanwhile(lambda: there.call(operation, key, report="slow")) as answers:
        wait_until(lambda: answers or there.call(operation, key, report="slow").status == 409)
        answers.append(there.call(operation, key, report="slow"))
    by_status = {answer.status: answer for answer in answers}
    assert set(by_status) == {409, 504}, "the first to come is answered"
    return by_status[409]


@way(410)
def files_that_are_gone(worlds, operation, _media):
    return worlds.forgetful.call(operation)


@way(410, "download")
def a_link_that_was_revoked(worlds, operation, _media):
    made = worlds.plain.call("createLink").json
    assert worlds.plain.call("revokeLink", link=made["id"]).status == 204
    return worlds.plain.call(operation, link=made["id"], query=made["url"].partition("?")[2])


@way(413)
def a_large_body(worlds, operation, _media):
    answer = worlds.tight.call(operation, body=b" " * 4000)
    if not operation.is_original:
        assert answer.problem["limit"] == (256 if operation.id in ("createLink", "createSource") else 2048)
    return answer


@way(415)
def another_media_type(worlds, operation, _media):
    answer = worlds.plain.call(operation, {"Content-Type": "application/pdf"})
    if not operation.is_original:
        assert "Accept-Post" in answer.headers
        packed = worlds.plain.call(operation, {"Content-Encoding": "br"})
        assert packed.slug == "unsupported-encoding" and "Accept-Encoding" in packed.headers, packed
    return answer


@way(416)
def a_range_behind_the_end(worlds, operation, _media):
    return worlds.plain.call(operation, {"Range": "bytes=99999999-"})


@way(422, "loadFile", "validateFile", "originalLoad")
def rows_that_are_refused(worlds, operation, _media):
    return worlds.plain.call(operation, body=b"id,job\nx,Potter\n")


@way(422, "runReportAsCsv", "runReportAsJson", "createLink")
def a_large_report(worlds, operation, _media):
    return worlds.plain.call(operation, report="large")


@way(422, "reloadConfiguration")
def a_mistake_in_the_configuration(worlds, operation, _media):
    there = situations.Situation(worlds.start())
    there.server.config_file.write_text("limts: {}\n")
    return there.call(operation)


@way(422, "originalFirstReport", "originalSecondReport")
def a_large_original_report(worlds, operation, _media):
    return worlds.large_reports.call(operation)


@way(429)
def too_many_wrong_keys(worlds, operation, _media):
    return worlds.blocked.call(operation)


@way(503)
def no_database(worlds, operation, _media):
    return worlds.broken.call(operation)


@way(503, "createSource")
def no_database_that_would_know_the_table(worlds, operation, _media):
    return worlds.broken.call(operation, body=b'{"table": "jobs"}')


@way(504)
def an_endless_report(worlds, operation, _media):
    return worlds.plain.call(operation, report="endless")


@way(504, "originalFirstReport", "originalSecondReport")
def an_endless_original_report(worlds, operation, _media):
    return worlds.long_reports.call(operation)


def promises():
    for operation, status, media in api.promises():
        if (operation.id, status) not in ELSEWHERE:
            name = f"{operation.id} {status}" + (f" {media}" if media else "")
            yield pytest.param(operation, status, media, id=name)


@pytest.mark.parametrize("operation, status, media", promises())
def test_what_is_described_comes_about(worlds, operation, status, media):
    how = way_to(operation, status)
    assert how, f"nobody knows how {operation} comes to answer {status}: add a way, or take it out of the description"
    answer = how(worlds, operation, media)
    assert answer.status == status, answer
    if media:
        assert answer.headers["Content-Type"].partition(";")[0] == media, answer.headers


def test_no_way_is_left_over():
    """Neither a way nor an exception for what the description does not list (any more)."""
    listed = {(operation.id, status) for operation, status, _ in api.promises()}
    assert {(operation, status) for operation, status in WAYS if operation} <= listed
    assert set(ELSEWHERE) <= listed
    general = {status for operation, status in WAYS if operation is None}
    assert general <= {status for _, status in listed}


# --- the route table: what the server answers and what is described are the same -------------------------------


def paths():
    return sorted({operation.path for operation in OPERATIONS})


def path_of(worlds, template):
    return template.format(**worlds.plain.names())


@pytest.mark.parametrize("template", paths())
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LINK", "get"])
def test_methods_are_those_described(worlds, template, method):
    """Every method that is not described is 405, and Allow names those that are (Server.request compares them)."""
    path = path_of(worlds, template)
    answer = worlds.plain.server.request(method, path)
    is_described = method in api.allowed_at(path)
    assert (answer.status != 405) == is_described, answer
    if not is_described and method != "HEAD":
        assert answer.slug == "method-not-allowed"


def test_connect_is_not_done(worlds):
    for request in (b"CONNECT 127.0.0.1:80 HTTP/1.1", b"CONNECT /v1 HTTP/1.1"):
        answer, = answers_in(worlds.plain.server.raw(request + b"\r\nHost: localhost\r\n\r\n"))
        assert answer.status in (400, 501), (request, answer)
        api.check_common(answer, {}, request)
        api.check_problem(answer, request)


def test_every_route_of_the_server_is_described(worlds):
    """`rowgate_http_requests_total` has the server's own name of every route that was asked for; here every described path
    is, and paths near them."""
    server = worlds.plain.server
    for template in paths():
        server.get(path_of(worlds, template), {"Accept": "*/*"})
    told = {line.partition('route="')[2].partition('"')[0] for line in server.get("/metrics").text.splitlines()
            if line.startswith("rowgate_http_requests_total{")} - {"_none"}
    special = {"/first_sql_requirement": "{report route}", "/second_sql_requirement": "{report route}"}
    assert told == {special.get(template, template) for template in paths()}


@pytest.mark.parametrize("template", paths())
def test_a_slash_at_the_end_redirects_nothing(worlds, template):
    for query in ("", "?limit=1"):
        answer = worlds.plain.server.get(path_of(worlds, template) + "/" + query)
        assert answer.status == 404 and "Location" not in answer.headers, answer
        assert answer.problem["hint"] == "leave out the slash at its end"


@pytest.mark.parametrize("path", ["/", "/v2", "/v1/", "/v1/nothing", "/v1/tables/jobs/nothing", "/v1/tables/jobs/rows/1",
                                  "/V1", "/v1//tables", "//v1", "/v1/tables/../runs", "/v1/./tables", "/d", "/d/reports",
                                  "/problems", "/docs", "/ui/", "/favicon.ico", "/v1/uploads", "/v1/keys", "/%", "/%zz",
                                  "/v1/tables/%00", "/v1/tables/jobs%2Frows"])
def test_what_is_not_described_is_not_there(worlds, path):
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        answer = worlds.plain.server.request(method, path)
        assert answer.status in (400, 403, 404, 405), answer
    assert worlds.plain.server.get("/livez").status == 200


@pytest.mark.parametrize("operation", GETS, ids=repr)
def test_head_is_get_without_a_body(worlds, operation):
    if operation.id in ("originalFirstReport", "originalSecondReport"):
        return  # each makes a link of its own, so that two answers are never the same
    get, head = worlds.plain.call(operation), worlds.plain.call(operation, method="HEAD")
    assert head.status == get.status and head.body == b""
    own = {"date", "request-id", "transfer-encoding"}
    if operation.id == "metrics":
        own.add("content-length")
    headers = [{name.lower(): value for name, value in answer.headers.items() if name.lower() not in own}
               for answer in (get, head)]
    if "Transfer-Encoding" in get.headers:
        headers[1].pop("content-length", None)
    assert headers[0] == headers[1]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.method == "POST"], ids=repr)
def test_head_of_what_is_only_posted_is_405(worlds, operation):
    answer = worlds.plain.call(operation, method="HEAD", body=b"")
    assert answer.status == 405 and not answer.body


def test_operations_have_a_door_of_their_own(worlds):
    """On server.admin_listen are the operations alone; where it is set, /metrics is nowhere else. No key is asked for."""
    server = worlds.start("server: { admin_listen: 127.0.0.1:0 }")
    operations = {operation.path: operation.method for operation in OPERATIONS if operation.is_operations}
    for template in paths():
        path = template.format(**worlds.empty.names())
        answer = server.request(operations.get(template, "GET"), path, port=server.admin_port)
        assert (answer.status == 200) == (template in operations), (template, answer)
        assert answer.status in (200, 404), answer
    assert server.get("/metrics").status == 404
    assert "checks" in server.get("/readyz", port=server.admin_port).json
    assert server.get("/readyz").json == {"status": "pass"}


# --- what every operation may answer ------------------------------------------------------------------------------


def raw_request(line="GET /v1 HTTP/1.1", *headers, body=b""):
    return "\r\n".join([line, "Host: 127.0.0.1", *headers, "", ""]).encode("latin-1") + body


def many_headers():
    return raw_request("GET /v1 HTTP/1.1", *(f"X-Header-{number}: {number}" for number in range(2000)))


ANYWHERE = {
    400: lambda worlds: b"GET /v1 HTTP/1.1\r\n\r\n",
    403: lambda worlds: raw_request("GET /v1/tables HTTP/1.1", "Connection: close", "Origin: https://evil.example"),
    405: lambda worlds: raw_request("PUT /v1 HTTP/1.1", "Connection: close"),
    408: lambda worlds: b"GET /v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    414: lambda worlds: raw_request("GET /" + "v" * 9000 + " HTTP/1.1"),
    417: lambda worlds: raw_request("GET /v1 HTTP/1.1", "Expect: 200-ok"),
    421: lambda worlds: b"GET /v1 HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    431: lambda worlds: many_headers(),
    500: None,
    501: lambda worlds: raw_request("POST /v1 HTTP/1.1", "Transfer-Encoding: gzip, chunked"),
    503: None,
    505: lambda worlds: raw_request("GET /v1 HTTP/2.0"),
}


def test_what_every_operation_may_answer_is_all_provoked():
    assert set(ANYWHERE) == set(api.ANY_OPERATION)


@pytest.mark.parametrize("status", [status for status, request in ANYWHERE.items() if request])
def test_what_every_operation_may_answer(worlds, status):
    server = worlds.empty.server
    answers = answers_in(server.raw(ANYWHERE[status](worlds)))
    assert len(answers) == 1 and answers[0].status == status, answers
    api.check_common(answers[0], {}, str(status))
    api.check_problem(answers[0], str(status))
    assert answers[0].slug == api.ANY_OPERATION[status]
    assert server.get("/livez").status == 200


def test_too_many_connections(worlds):
    server = worlds.start("server: { max_connections: 3 }")
    held = [busy_connection(server) for _ in range(3)]
    try:
        answer, = answers_in(server.raw(raw_request()))
        assert answer.status == 503 and answer.slug == "busy" and "Retry-After" in answer.headers
    finally:
        for connection in held:
            connection.close()
    wait_until(lambda: answers_in(server.raw(raw_request("GET /livez HTTP/1.1", "Connection: close")))[0].status == 200)


def test_idle_connections_crowd_nobody_out(worlds):
    """Of the address that has most, the one that has been idle for longest is closed for each that comes."""
    server = worlds.start("server: { max_connections: 20 }")
    with contextlib.ExitStack() as held:
        other = held.enter_context(socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0)))
        busy = held.enter_context(busy_connection(server))
        idle = [held.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(100)]
        answer, = answers_in(server.raw(raw_request("GET /livez HTTP/1.1", "Connection: close")))
        assert answer.status == 200
        idle[0].settimeout(10)
        assert idle[0].recv(100) == b""
        for connection in (other, idle[-1]):
            connection.sendall(raw_request("GET /livez HTTP/1.1", "Connection: close"))
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        busy.sendall(b"x" * 1000)
        assert busy.recv(1000).startswith(b"HTTP/1.1 4")


def test_a_fault_of_the_server_tells_nothing_of_it(worlds):
    """Somebody's trigger refuses what rowgate has accepted."""
    there = situations.Situation(worlds.start())
    there.load_example()
    with contextlib.closing(sqlite3.connect(there.folder / "data" / "rowgate.db")) as database:
        database.execute("CREATE TRIGGER no_more BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'canary of the trigger'); END")
        database.commit()
    for operation in ("loadFile", "originalLoad"):
        answer = there.call(operation, query="" if operation == "loadFile" else "table=jobs&schema=test_db&append=1")
        assert answer.status == 500, answer
        assert "canary" not in answer.text and "INSERT" not in answer.text and str(there.folder) not in answer.text
    wait_until(lambda: any("canary" in line for line in there.server.log))  # the log has the whole of it


# --- the examples of the description --------------------------------------------------------------------------------


def described_examples():
    for operation in OPERATIONS:
        for status, response in operation.responses.items():
            for media, content in (response.get("content") or {}).items():
                for name, example in examples_of(content):
                    yield pytest.param(content, example, id=f"{operation.id} {status} {media} {name}")


def examples_of(content):
    if "example" in content:
        yield "example", content["example"]
    for name, example in content.get("examples", {}).items():
        yield name, api.resolved(example)["value"]


@pytest.mark.parametrize("content, example", described_examples())
def test_examples_are_of_their_schema(content, example):
    api.validate(example, content["schema"], "example")


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body], ids=repr)
def test_examples_of_bodies_are_taken(worlds, operation):
    for media, content in operation.body["content"].items():
        for _, example in examples_of(content):
            body = example if isinstance(example, str) else api.json.dumps(example)
            query = "table=departments&schema=test_db&append=0" if operation.is_original else "mode=upsert"
            answer = worlds.plain.call(operation, {"Content-Type": media}, "" if operation.id.startswith("create") else query,
                                       body.encode(), table="departments")
            assert answer.status == 409 if operation.id == "createSource" else answer.status in (200, 201), (media, answer)


@pytest.mark.parametrize("name", ["/openapi.yaml", "/openapi.json"])
def test_the_description_is_served_as_it_is(worlds, name):
    answer = worlds.plain.server.get(name)
    if name.endswith("yaml"):
        assert answer.body == api.FILE.read_bytes()
    else:
        assert answer.json == api.SPEC


def test_compressed_bodies_are_described(worlds):
    operation = api.OPERATIONS["loadFile"]
    header, = (each for each in operation.parameters_in("header") if each["name"] == "Content-Encoding")
    for coding in header["schema"]["enum"]:
        body = gzip.compress(fresh_rows()) if "gzip" in coding else fresh_rows()
        if coding == "zstd":
            body = subprocess.run(["zstd", "-qc"], input=body, capture_output=True, check=True).stdout
        assert worlds.plain.call(operation, {"Content-Encoding": coding}, body=body).status == 200, coding
