"""Every error that a server can tell is provoked over a socket; after each the server is well and nothing is half done."""

import base64
import gzip
import hashlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

import pytest

import api
import worlds as situations
from server import Server, answers_in, form
from worlds import JSON, busy_connection, fresh_rows, locked, meanwhile, spool_files, wait_until

ROWGATE = os.environ.get("ROWGATE", str(pathlib.Path(__file__).parents[2] / "build/release/rowgate"))
CASES = pathlib.Path(__file__).parents[1] / "cases" / "test_cases.py"
LOADS = "/v1/tables/jobs/loads"

# Codes that HTTP cannot tell, and why.
NEVER_OVER_HTTP = {
    "storage.unreachable": "of a storage that is a server: tests/s3/test_s3_store.py",
    "database.deadlock": "of database servers: src/db/faults_test.cc",
    "database.privilege": "of database servers: src/db/faults_test.cc",
    "database.secret": "of database servers: tests/databases/test_secrets.py",
    "database.insecure": "of database servers: tests/databases/test_impostors.py",
    "file.not_found": "a path on the command line",
    "file.unreadable": "a path on the command line",
    "config.invalid": "such a server does not start",
    "config.cannot_listen": "such a server does not start; test_a_port_that_is_taken",
    "header.extra": "a warning within a run",
    "source.unknown": "of a storage that is a bucket: tests/s3/test_s3_sources.py",
    "limit.answer": "of AWS Lambda: tests/lambda",
    "database.rows_missing": "of triggers: tests/databases/test_real_tables.py",
    "table.not_transactional": "of database servers: tests/databases/test_real_tables.py",
    "file.changed": "a path on the command line",
    "run.undecided": "of database servers: tests/databases/test_undecided.py",
    "run.finished": "of the command line: tests/databases/test_undecided.py",
    "internal.invariant": "a bug of ours",
    "run.interrupted": "such a run is answered with 202, since it goes on: test_restart.py",
}

WAYS = {}


def way(*codes):
    def register(function):
        for code in codes:
            assert code not in WAYS
            WAYS[code] = function
        return function
    return register


def raw(server, line, *headers, body=b"", **more):
    """The first answer to a request whose bytes are given."""
    head = "\r\n".join([line, "Host: 127.0.0.1", *headers, "", ""]).encode("latin-1")
    return answers_in(server.raw(head + body, **more))[0]


# --- the file ---------------------------------------------------------------------------------------------------

FILES = {
    "file.empty": b"",
    "header.duplicate": b"id,job,job\n1,a,b\n",
    "header.blank": b"id,\n1,a\n",
    "header.mismatch": b"number,job\n1,a\n",
    "csv.unclosed_quote": b'"id,job\n1,a\n',
    "csv.stray_quote": b'i"d,job\n1,a\n',
    "csv.nul_byte": b"id,j\0ob\n1,a\n",
    "record.not_utf8": b"id,j\xffob\n1,a\n",
    "limit.rejects": b"id,job\nx,Potter\n",
}


@way(*FILES)
def a_bad_file(worlds, code):
    return worlds.empty.call("loadFile", body=FILES[code])


@way("file.bad_compression")
def a_gzip_that_is_cut(worlds, _code):
    return worlds.empty.call("loadFile", {"Content-Encoding": "gzip"}, body=gzip.compress(fresh_rows(100))[:-9])


@way("file.bad_encoding")
def half_a_character_of_utf16(worlds, _code):
    body = "id,job\n1,Potter\n".encode("utf-16")[:-1]
    return worlds.empty.call("loadFile", {"Content-Type": "text/csv; charset=utf-16"}, body=body)


@way("limit.bytes")
def more_than_may_be_unpacked(worlds, _code):
    answer = worlds.tight.call("loadFile", {"Content-Encoding": "gzip"}, body=gzip.compress(fresh_rows(1000)))
    assert worlds.tight.call("loadFile", body=fresh_rows(1000)).problem["limit"] == 2048
    return answer


@way("limit.columns")
def too_many_columns(worlds, _code):
    return worlds.tight.call("loadFile", body=b"a,b,c,d,e\n1,2,3,4,5\n")


@way("request.one_file_expected")
def two_files(worlds, _code):
    for files in ((), (("a", "a.csv", b"id,job\n1,a\n"), ("b", "b.csv", b"id,job\n2,b\n"))):
        body, kind = form(*files, fields=[("note", "none")])
        answer = worlds.empty.call("loadFile", {"Content-Type": kind}, body=body)
    return answer


@way("request.unsupported_media")
def another_media_type(worlds, _code):
    return worlds.empty.call("loadFile", {"Content-Type": "image/png"})


@way("request.unsupported_encoding")
def another_content_coding(worlds, _code):
    return worlds.empty.call("loadFile", {"Content-Encoding": "gzip, zstd"})


@way("request.digest_mismatch")
def another_digest(worlds, _code):
    digest = base64.b64encode(hashlib.sha256(b"something else").digest()).decode()
    return worlds.empty.call("loadFile", {"Content-Digest": f"sha-256=:{digest}:"})


# --- tables, runs, reports ------------------------------------------------------------------------------------------


@way("table.unknown")
def no_table(worlds, _code):
    return worlds.empty.call("loadFile", table="jobz")


@way("source.not_offered")
def no_bucket(worlds, _code):
    return worlds.empty.call("createSource")


@way("table.differs")
def another_table(worlds, _code):
    return worlds.changed.call("loadFile")


@way("table.busy")
def another_process_writes(worlds, _code):
    """For longer than the ten seconds that are waited for it."""
    there = situations.Situation(worlds.start("limits: { sync_wait: 30s }"))
    with locked(there.folder):
        return there.call("loadFile")


@way("run.unknown")
def no_run(worlds, _code):
    return worlds.empty.call("showRun", run="run_00")


@way("run.rejects_expired")
def rejects_that_are_gone(worlds, _code):
    return worlds.forgetful.call("listRejects")


@way("run.queue_full")
def a_full_queue(worlds, _code):
    there = situations.Situation(worlds.start("limits: { sync_wait: 20ms, queue: 1 }"))
    with locked(there.folder):
        answers = [there.call("loadFile") for _ in range(4)]
        ready = there.server.get("/readyz")
    assert {answer.status for answer in answers} == {202, 503} and ready.status == 503
    for answer in answers:
        if answer.status == 202:
            assert there.server.ended(answer.json["id"])["status"] == "succeeded"
    return next(answer for answer in answers if answer.status == 503)


@way("run.draining")
def a_load_that_a_stopping_server_receives(worlds, _code):
    server = worlds.start()
    body = fresh_rows()
    head = f"POST {LOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode() + body[:10])
        wait_until(lambda: server.get("/v1/runs").json["items"])
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not listens(server))
        time.sleep(0.3)  # the queue stops right after the door is closed
        connection.sendall(body[10:])
        answer, = answers_in(received(connection))
    assert server.process.wait(30) == 0 and server.rows("jobs") == []
    return answer


def listens(server):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


def received(connection):
    got = b""
    while piece := connection.recv(65536):
        got += piece
    return got


@way("run.idempotency_in_progress")
def the_same_at_the_same_time(worlds, _code):
    there, key, body = worlds.impatient, {"Idempotency-Key": "while it runs"}, fresh_rows()
    with locked(there.folder):
        first = there.call("loadFile", key, body=body)
        answer = there.call("loadFile", key, body=body)
    assert first.status == 202 and there.server.ended(first.json["id"])["status"] == "succeeded"
    assert first.json["id"] in answer.headers["Link"] and answer.problem["instance"] == first.headers["Location"]
    again = there.call("loadFile", key, body=body)
    assert again.status == 200 and again.json["id"] == first.json["id"]
    return answer


@way("run.idempotency_reused")
def the_key_of_another_request(worlds, _code):
    there, key = situations.Situation(worlds.start()), {"Idempotency-Key": "once only"}
    assert there.call("loadFile", key).status == 200
    assert there.call("loadFile", key, query="mode=upsert").slug == "idempotency-key-reused"
    assert there.call("createLink", key).status in (201, 404)  # the key belongs to method and path too
    return there.call("loadFile", key)


@way("key.has_children")
def rows_that_others_need(worlds, _code):
    folder = worlds.folder()
    config = (folder / "rowgate.yaml").read_text().replace("keys: check", "keys: enforce")
    (folder / "rowgate.yaml").write_text(config)
    there = situations.Situation(worlds.start(folder=folder)).load_tables()
    return there.call("loadFile", query="mode=replace&max_rejects=100%25", table="departments", body=b"id,department\n1,Archive\n")


@way("report.unknown")
def no_report(worlds, _code):
    return worlds.plain.call("runReportAsCsv", report="departments")


@way("report.bad_parameter")
def no_year(worlds, _code):
    assert worlds.plain.call("runReportAsCsv", query="year=2021", report="hires_of_year").status == 200
    for query in ("year=2021&year=2022", "month=1", "year="):
        assert worlds.plain.call("runReportAsJson", query=query, report="hires_of_year").slug == "bad-parameter"
    return worlds.plain.call("runReportAsCsv", query="year=last", report="hires_of_year")


@way("report.timeout")
def an_endless_report(worlds, _code):
    return worlds.plain.call("runReportAsCsv", report="endless")


@way("report.queue_full")
def one_report_too_many(worlds, _code):
    """While one is being made, where one is made at a time; everything else is answered."""
    there = worlds.plain
    places = there.server.get("/v1").json["limits"]["reports_at_once"]
    asked = [threading.Thread(target=there.call, args=("runReportAsCsv",), kwargs={"report": "slow"}) for _ in range(places)]
    for each in asked:
        each.start()
    answers = []
    wait_until(lambda: answers.append(there.call("runReportAsCsv", report="large")) or answers[-1].status == 503)
    assert there.server.get("/v1/tables").status == 200
    for each in asked:
        each.join()
    return answers[-1]


@way("limit.reject_bytes")
def more_rejects_than_may_be_kept(worlds, _code):
    server = worlds.start("limits: { max_reject_bytes: 1KiB, max_rejects: 100% }")
    rows = b"".join(b"x%d,%s\n" % (i, hashlib.sha256(b"%d" % i).hexdigest().encode()) for i in range(20000))
    return server.call("loadFile", body=b"id,job\n" + rows) if hasattr(server, "call") else server.post(
        LOADS, b"id,job\n" + rows, {"Content-Type": "text/csv"})


@way("report.too_large")
def a_large_report(worlds, _code):
    return worlds.plain.call("runReportAsJson", report="large")


@way("report.bad_sql")
def a_report_that_does_not_run(worlds, _code):
    """Somebody has renamed a column that the report reads."""
    there = situations.Situation(worlds.start()).load_tables()
    change(there.folder, "ALTER TABLE departments RENAME COLUMN department TO title")
    answer = there.call("runReportAsCsv")
    assert "departments" not in answer.text and "SELECT" not in answer.text
    return answer


@way("report.link_unknown")
def no_link(worlds, _code):
    return worlds.plain.call("revokeLink", link="lnk_" + "0" * 26)


@way("report.link_expired")
def a_link_a_second_after_its_end(worlds, _code):
    made = worlds.plain.call("createLink", body=b'{"expires_in": 1}').json
    path = made["url"][made["url"].index("/d/"):]
    wait_until(lambda: worlds.plain.server.get(path).status == 410, 3)
    assert worlds.plain.server.request("HEAD", path).status == 410
    return worlds.plain.server.get(path)


@way("report.link_forged")
def a_link_of_our_own_making(worlds, _code):
    path, query = worlds.plain.download.split("?")
    for forged in (path, f"{path}?{query}&{query.split('&')[0]}", f"{path}?{query}&x=1", f"{path}?{query}&",
                   path + "?e=9999999999&" + query.partition("&")[2], path + "x?" + query):
        assert worlds.plain.server.get(forged).slug == "forbidden", forged
    return worlds.plain.server.get(path + "?" + "&".join(reversed(query.split("&"))))


# --- the request ----------------------------------------------------------------------------------------------------


@way("request.invalid")
def a_bad_parameter(worlds, _code):
    return worlds.empty.call("loadFile", query="mode=merge")


@way("request.malformed")
def not_http(worlds, _code):
    return answers_in(worlds.empty.server.raw(b"GET /v1 HTTP/1.1\r\n\r\n"))[0]


@way("request.bad_cursor")
def a_cursor_of_another_list(worlds, _code):
    cursor = worlds.plain.server.get("/v1/tables/jobs/rows?limit=3").json["next"]
    assert worlds.plain.server.get("/v1/tables/jobs/rows?limit=5&cursor=" + cursor).status == 200
    for other in (f"/v1/tables/departments/rows?cursor={cursor}", f"/v1/runs?cursor={cursor[:-1]}", "/v1/links?cursor=a.b.c.d"):
        assert worlds.plain.server.get(other).slug == "bad-cursor", other
    return worlds.plain.server.get("/v1/runs?cursor=" + cursor)


@way("request.bad_json")
def another_body(worlds, _code):
    for body in (b"[]", b"{", b"null", b'{"expires": 1}', b'{"expires_in": "soon"}', b'{"filename": 3}', b"\xff", b'{"a": 1, "a": 1}'):
        assert worlds.plain.call("createLink", body=body).slug == "bad-json", body
    answer = worlds.plain.call("createLink", body=b'{"params": {"a/b~c": []}}')
    assert answer.problem["errors"] == [{"code": "request.bad_json", "pointer": "/params/a~1b~0c"}]
    return answer


@way("request.not_found")
def nowhere(worlds, _code):
    return worlds.empty.server.get("/v2")


@way("request.method_not_allowed")
def another_method(worlds, _code):
    return worlds.empty.server.request("PUT", "/v1/tables")


@way("request.not_acceptable")
def another_form(worlds, _code):
    answer = worlds.plain.call("showSchema", query="as=sql&dialect=mysql")
    assert answer.status == 406
    return worlds.empty.server.get("/v1", {"Accept": "image/png"})


@way("request.timeout")
def a_body_that_stops(worlds, _code):
    return raw(worlds.empty.server, f"POST {LOADS} HTTP/1.1", "Content-Type: text/csv", "Content-Length: 100", body=b"id,job\n")


@way("request.expectation")
def another_expectation(worlds, _code):
    return raw(worlds.empty.server, "GET /v1 HTTP/1.1", "Expect: the best")


@way("request.http_version")
def another_version(worlds, _code):
    return raw(worlds.empty.server, "GET /v1 HTTP/3.0")


@way("request.not_implemented")
def another_transfer_coding(worlds, _code):
    return raw(worlds.empty.server, f"POST {LOADS} HTTP/1.1", "Transfer-Encoding: gzip, chunked")


@way("request.too_many_connections")
def one_connection_too_many(worlds, _code):
    server = worlds.start("server: { max_connections: 2 }")
    held = [busy_connection(server) for _ in range(2)]
    answer = raw(server, "GET /v1 HTTP/1.1")
    for connection in held:
        connection.close()
    wait_until(lambda: raw(server, "GET /livez HTTP/1.1", "Connection: close").status == 200)
    return answer


@way("request.uri_too_long")
def a_long_address(worlds, _code):
    return raw(worlds.empty.server, f"GET /v1?{'x' * 9000} HTTP/1.1")


@way("request.header_too_large")
def many_headers(worlds, _code):
    large = raw(worlds.empty.server, "GET /v1 HTTP/1.1", "X-Large: " + "x" * 20_000)
    assert large.status == 431
    return raw(worlds.empty.server, "GET /v1 HTTP/1.1", *(f"X-{number}: 1" for number in range(2000)))


@way("request.range_not_satisfiable")
def a_range_behind_the_end(worlds, _code):
    return worlds.plain.call("downloadSource", {"Range": "bytes=99999999-"})


@way("auth.unauthenticated")
def no_key(worlds, _code):
    return worlds.keys.call("listTables", {"Authorization": None})


@way("auth.forbidden")
def a_key_of_another_scope(worlds, _code):
    return worlds.keys.call("loadFile", situations.bearer("tables:read"))


@way("request.misdirected")
def another_host(worlds, _code):
    return worlds.plain.server.get("/v1/tables", {"Host": "rebound.example"})


@way("request.cross_site")
def a_page_of_another_site(worlds, _code):
    return worlds.plain.server.post("/v1/tables/jobs/loads", b"id,job\n", {"Origin": "https://evil.example"})


@way("auth.too_many_failures")
def wrong_keys(worlds, _code):
    return worlds.blocked.call("listTables")


# --- the surroundings -----------------------------------------------------------------------------------------------


def change(folder, statements):
    database = sqlite3.connect(folder / "data" / "rowgate.db")
    database.executescript(statements)
    database.close()


@way("database.unreachable")
def no_database(worlds, _code):
    return worlds.broken.call("listTables")


@way("database.refused", "internal.error")
def a_trigger_of_somebody(worlds, code):
    """A failed run has the code of its cause; what is told of it over HTTP is `internal` and names nothing."""
    there = situations.Situation(worlds.start()).load_tables()
    change(there.folder, "CREATE TRIGGER t BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'canary'); END")
    answer = there.call("loadFile")
    assert "canary" not in answer.text
    wait_until(lambda: any("canary" in line for line in there.server.log))
    return answer if code != "internal.error" else None


class Nobody:
    """A server whose user owns nothing; its folder can be closed to it while it runs."""

    def __init__(self, worlds):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-nobody-"))
        self.folder.chmod(0o755)
        subprocess.run([ROWGATE, "init", "--example", "hr"], cwd=self.folder, check=True, capture_output=True)
        self.open()
        self.there = situations.Situation(worlds.start(folder=self.folder, before=self.become))

    @staticmethod
    def become():
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    @staticmethod
    def give(path, user):
        """Only root can; anybody else is who the server runs as, and the modes alone are enough."""
        if os.geteuid() == 0:
            os.chown(path, user, user)

    def open(self, below="."):
        for path in [self.folder / below, *(self.folder / below).rglob("*")]:
            self.give(path, 65534)
            path.chmod(0o755 if path.is_dir() else 0o644)

    def close(self, below):
        for path in [self.folder / below, *(self.folder / below).rglob("*")]:
            self.give(path, 0)
            path.chmod(0o555 if path.is_dir() else 0o444)


@way("database.read_only")
def a_database_that_becomes_read_only(worlds, _code):
    nobody = Nobody(worlds)
    there = nobody.there.load_tables()
    before = there.server.rows("jobs")
    for path in nobody.folder.glob("data/rowgate.db*"):
        Nobody.give(path, 0)
        path.chmod(0o444)
    answer = there.call("loadFile")
    assert there.server.get("/v1/tables/jobs/rows").status == 200, "it can still be read"
    assert there.server.rows("jobs") == before
    nobody.open()
    assert there.call("loadFile").status == 200, "and goes on when that is over"
    there.server.stop()
    subprocess.run(["rm", "-rf", nobody.folder], check=True)
    return answer


@way("storage.denied")
def a_store_that_is_closed(worlds, _code):
    nobody = Nobody(worlds)
    there = nobody.there.load_tables()
    nobody.close("data/files")
    answer = there.call("createLink")
    assert there.server.get("/readyz").status == 503
    nobody.open()
    wait_until(lambda: there.server.get("/readyz").status == 200)  # found out once a second
    there.server.stop()
    subprocess.run(["rm", "-rf", nobody.folder], check=True)
    return answer


@way("storage.full")
def a_full_disk(worlds, _code):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (96 * 1024, 96 * 1024))

    server = worlds.start(before=limit)
    there = situations.Situation(server)
    answer = there.call("loadFile", body=b"id,job\n" + b"1,Potter\n" * 200_000)
    assert server.rows("jobs") == [] and there.call("loadFile").status == 200, "small ones go on"
    return answer


# --- all of them ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def known():
    """Every code, as `rowgate explain` has it."""
    answer = subprocess.run([ROWGATE, "explain", "--json"], capture_output=True, check=True)
    return {item["code"]: item for item in json.loads(answer.stdout)["items"]}


@pytest.mark.parametrize("code", sorted(WAYS))
def test_every_error(worlds, code):
    answer = WAYS[code](worlds, code)
    if answer is None:
        return
    about = worlds.plain.server.get("/problems/" + code, {"Accept": "application/json"}).json
    expected, = (item for item in about["codes"] if item["code"] == code)
    api.check_problem(answer, code)
    assert answer.problem["code"] == code, answer
    assert (answer.status, answer.slug) == (expected["status"], about["slug"])
    assert answer.problem["title"] == expected["title"]
    page = worlds.plain.server.get("/problems/" + answer.slug)
    assert page.status == 200 and code in page.text, "`type` leads somewhere"
    for name in ("plain", "empty", "tight", "keys", "changed", "impatient"):
        there = worlds.__dict__.get(name)
        assert there is None or (there.server.is_alive() and there.server.get("/livez").status == 200)
    for there in (worlds.__dict__.get("empty"), worlds.__dict__.get("tight")):
        if there is not None:
            assert there.server.rows("jobs") == [], "nothing is half done"
            wait_until(lambda: not spool_files(there.folder), 5)


def of_records(known):
    """Codes of a record: they come in `errors` of rows-rejected."""
    return {code for code in known if code.partition(".")[0] in ("value", "rule", "key", "record", "csv")} | {
        "limit.field", "limit.record", "limit.key"}


def test_every_code_has_a_way(known):
    """Also what tests/cases leaves to this folder."""
    assert set(WAYS) <= set(known)
    assert set(known) - of_records(known) - set(WAYS) == set(NEVER_OVER_HTTP)
    over_http = set(re.search(r'OVER_HTTP = set\("""(.*?)"""', CASES.read_text(), re.S)[1].split())
    assert over_http <= set(WAYS) | {"config.cannot_listen"}


def test_records_that_are_refused_come_in_errors(worlds):
    body = b'id,job\n,Potter\n1,\n2,"a\n3,b"c\n4,\xff\n5\n6,a,b\nx,Weaver\n0,Miller\n7,Baker\n7,Smith\n'
    body += b"8," + b"j" * 200 + b'\n9,"Tanner\n'
    answer = worlds.empty.call("loadFile", query="on_reject=abort", body=body)
    assert answer.status == 422 and answer.slug == "rows-rejected"
    codes = [item["code"] for item in answer.problem["errors"]]
    for code in ("rule.required", "csv.unclosed_quote", "csv.stray_quote", "record.not_utf8", "record.too_few_fields",
                 "record.too_many_fields", "value.not_integer", "rule.minimum", "key.duplicate_in_file", "rule.max_length"):
        assert code in codes, (code, codes)
    assert answer.headers["Link"] == f"<{answer.problem['instance']}/rejects>; rel=\"related\""
    rejects = worlds.empty.server.get(answer.problem["instance"] + "/rejects").json["items"]
    assert [item["line"] for item in rejects] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14], rejects


def test_a_port_that_is_taken(worlds):
    port = worlds.plain.server.port
    second = Server(ROWGATE, worlds.folder(), f"server: {{ listen: '127.0.0.1:{port}' }}", wait=False)
    assert second.process.wait(20) == 1
    second.reader.join(5)
    assert "config.cannot_listen" in "\n".join(second.log)


# --- clients that do not do as they should ----------------------------------------------------------------------------


def test_a_client_that_hangs_up(worlds):
    server = worlds.empty.server
    for part in (b"", b"id,job\n1,Po"):
        head = f"POST {LOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 5000\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head.encode() + part)
            wait_until(lambda: [run for run in server.get("/v1/runs").json["items"] if run["status"] == "receiving"])
        wait_until(lambda: not [run for run in server.get("/v1/runs").json["items"] if run["status"] == "receiving"])
        wait_until(lambda: not spool_files(worlds.empty.folder))
    assert server.rows("jobs") == []


def test_a_body_that_ends_early(worlds):
    answer = raw(worlds.empty.server, f"POST {LOADS} HTTP/1.1", "Content-Type: text/csv", "Content-Length: 100", body=b"id,job\n1,a\n",
                 half_close=True)
    assert (answer.status, answer.slug) == (400, "bad-request")
    assert worlds.empty.server.rows("jobs") == []


def test_a_body_that_is_longer_than_told(worlds):
    """What comes behind the body is the next request."""
    body = fresh_rows()
    head = f"POST {LOADS}?dry_run=true HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n"
    answers = answers_in(worlds.empty.server.raw(head.encode() + body + b"99,Surplus\n\n"))
    assert [answer.status for answer in answers] == [200, 400] and answers[1].slug == "bad-request"
    assert worlds.empty.server.rows("jobs") == []


def test_a_body_that_crawls(worlds):
    """A byte now and then keeps the connection from being idle, but is slower than the least rate."""
    server = worlds.start("limits: { idle_timeout: 60s, min_bytes_per_second: 1KiB }")
    head = f"POST {LOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.2) as connection:
        connection.sendall(head.encode())
        got, deadline = b"", time.monotonic() + 30
        while not got and time.monotonic() < deadline:
            try:
                got = connection.recv(65536)
            except TimeoutError:
                connection.sendall(b"x")
        answer = answers_in(got)[0]
    assert (answer.status, answer.slug) == (408, "request-timeout")
    wait_until(lambda: not spool_files(server.folder))


@pytest.mark.parametrize("head", [
    'Content-Disposition: form-data; filename="a.csv"',
    "Content-Disposition: attachment",
    "Content-Type: text/csv",
    "",
    "Content-Disposition form-data",
])
def test_a_part_without_a_name(worlds, head):
    body = f"--b\r\n{head}\r\n\r\nid,job\nx,Potter\n\r\n--b--\r\n".encode()
    answer = worlds.empty.call("loadFile", {"Content-Type": "multipart/form-data; boundary=b"}, body=body)
    assert answer.slug in ("one-file-expected", "bad-request"), answer


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other"])
def test_a_form_without_its_boundary(worlds, kind):
    body, _ = form(("file", "a.csv", fresh_rows()))
    answer = worlds.empty.call("loadFile", {"Content-Type": kind}, body=body)
    assert answer.status in (400, 415), answer
    assert worlds.empty.server.rows("jobs") == []


def test_every_byte_of_a_link_counts(worlds):
    path = worlds.plain.download
    for at in range(3, len(path)):
        changed = path[:at] + ("x" if path[at] != "x" else "y") + path[at + 1:]
        answer = worlds.plain.server.get(changed)
        assert answer.status in (403, 404), (changed, answer)
    assert worlds.plain.server.get(path).status == 200


def test_files_that_are_kept_for_their_time(worlds):
    """storage.keep is seen to when the server starts."""
    there = situations.Situation(worlds.start()).load_tables()
    there.server.stop()
    time.sleep(1.1)
    server = worlds.start("storage: { keep: { rejects: 1s, sources: 1s } }", folder=there.folder)
    for part in ("rejects", "source"):
        wait_until(lambda part=part: server.get(f"/v1/runs/{there.run}/{part}").status == 410)
    assert server.get(f"/v1/runs/{there.run}/source").slug == "rejects-expired"
    assert server.get(f"/v1/runs/{there.run}").json["rows"]["rejected"] == 6
