"""How large, how long, how broken: there is always a proper answer."""

import json
import pathlib
import subprocess
import threading
import time
import urllib.request

import pytest

from conftest import ROWGATE, sql
from emulator import EVENTS, Answer, rest_event

CSV = [("Content-Type", "text/csv")]
LOADS = "/v1/tables/jobs/loads"


def rows(size, first=1):
    """A CSV of the table jobs of exactly so many bytes."""
    made, number, length = [b"id,job\n"], first, 7
    while length < size - 100:
        made.append(b"%d,Job %d %s\n" % (number, number, b"x" * 60))
        length += len(made[-1])
        number += 1
    made.append(b"%d," % number)
    made.append(b"y" * (size - length - len(made[-1]) - 1) + b"\n")
    return b"".join(made), number - first + 1


@pytest.mark.parametrize("shape", sorted(EVENTS))
def test_four_mebibytes_pass(place, shape):
    body, count = rows(4 << 20)
    assert len(body) == 4 << 20
    answer = Answer(place.function().invoke(EVENTS[shape]("POST", LOADS, CSV, body)))
    assert answer.status == 200 and answer.json["rows"]["accepted"] == count, answer
    assert place.rows("jobs") == count


@pytest.mark.parametrize("shape", sorted(EVENTS))
@pytest.mark.parametrize("size", [4_500_001, 5 << 20, 7 << 20])
def test_more_is_refused_with_the_way_out(place, shape, size):
    """The emulator cuts what is larger than an event may be; the function says the same of both."""
    function = place.function()
    event = EVENTS[shape]("POST", LOADS, CSV, b"id,job\n" + b"x" * (size - 7))
    for _ in range(2):
        answer = Answer(function.invoke(event))
        assert answer.status == 413 and answer.headers["content-type"].startswith("application/problem+json"), answer
        problem = answer.json
        assert problem["code"] == "limit.bytes" and "POST /v1/sources" in problem["hint"], problem
    event = EVENTS[shape]("POST", "/db_migration?table=jobs&schema=test_db", CSV, b"id,job\n" + b"x" * (size - 7))
    answer = Answer(function.invoke(event))
    assert answer.status == 413 and "POST /v1/sources" in answer.text
    if size == 4_500_001:
        assert answer.text.startswith("The file is larger than 4.3 MB."), answer
    assert Answer(function.invoke(EVENTS[shape]("GET", "/v1"))).status == 200


def test_the_way_out(place):
    """What is too large for an event goes through the bucket."""
    function = place.function()
    body, count = rows(9 << 20)

    def call(*request):
        return Answer(function.invoke(rest_event(*request)))

    source = call("POST", "/v1/sources", [("Content-Type", "application/json")], b'{"filename": "jobs.csv"}').json
    assert place.s3.endpoint in source["url"] and "X-Amz-Signature" in source["url"]
    put = urllib.request.Request(source["url"], body, source["headers"], method=source["method"])
    with urllib.request.urlopen(put, timeout=60) as answer:
        assert answer.status == 200
    answer = call("POST", source["load"].format(table="jobs"))
    assert answer.status == 200 and answer.json["rows"]["accepted"] == count, answer
    answer = call("POST", f"/db_migration?table=jobs&schema=test_db&source={source['key']}")
    assert (answer.status, answer.text) == (200, "Data loaded succesfully!"), answer


def test_an_answer_over_the_limit_is_a_problem(place):
    """Larger than an invocation carries: as bytes, or only in its JSON."""
    function = place.function()
    quoted = b"id,job\n" + b"".join(b'%d,"%d %s"\n' % (number, number, b'""' * 60) for number in range(1, 29_001))
    assert len(quoted) < 4_500_000
    assert Answer(function.invoke(rest_event("POST", LOADS, CSV, quoted))).status == 200
    text = Answer(function.invoke(rest_event("GET", "/v1/tables/jobs/rows", [("Accept", "text/csv")])))
    assert text.status == 422 and text.json["code"] == "limit.answer", text
    assert "limit" in text.json["hint"]
    more, _ = rows(4 << 20, 100_000)
    assert Answer(function.invoke(rest_event("POST", LOADS, CSV, more))).status == 200
    text = Answer(function.invoke(rest_event("GET", "/v1/tables/jobs/rows", [("Accept", "text/csv")])))
    assert text.status == 422 and text.json["code"] == "limit.answer", text
    page = Answer(function.invoke(rest_event("GET", "/v1/tables/jobs/rows?limit=1000")))
    assert page.status == 200 and len(page.json["items"]) == 1000


@pytest.mark.parametrize("text", [b"", b"{", b"null{", b"\xff\xfe", b'{"httpMethod": "GET", "path"'])
def test_what_is_no_json(place, text):
    function = place.function()
    answer = Answer(function.invoke(text))
    assert answer.status == 400 and answer.json["code"] == "request.malformed", answer
    assert Answer(function.invoke(rest_event("GET", "/v1"))).status == 200


def test_brackets_without_end(place):
    """As deep as an event can be."""
    function = place.function()
    for event in (b"[" * 3_000_000 + b"]" * 3_000_000, b'{"a":' * 1_000_000 + b"1" + b"}" * 1_000_000):
        assert json.loads(function.invoke(event))["errorType"] == "request.invalid"
    assert Answer(function.invoke(b"[" * 6_000_000)).status == 400
    assert Answer(function.invoke(rest_event("GET", "/v1"))).status == 200


@pytest.mark.parametrize("event", [
    {"httpMethod": "GET"}, {"httpMethod": "GET", "path": None, "headers": 3, "requestContext": []},
    {"httpMethod": "", "path": "/v1"}, {"httpMethod": "GET", "path": "v1", "multiValueHeaders": {"A": [1, None, {}]}},
    {"version": "2.0", "requestContext": {}}, {"version": "2.0", "requestContext": {"http": 1}, "rawPath": 5},
    {"httpMethod": "POST", "path": LOADS, "body": "???", "isBase64Encoded": True},
    {"httpMethod": "POST", "path": LOADS, "body": {"a": 1}, "isBase64Encoded": "yes"},
    {"httpMethod": "GET", "path": "/v1\r\nX: y", "headers": {"A\r\nB": "c\r\nd"}},
    {"httpMethod": "G T", "path": "/v1"}, {"Records": [None, 3]}, {"Records": [{"eventSource": "aws:s3"}]},
    {"source": "aws.s3", "detail-type": "Object Created"},
])
def test_events_of_a_strange_form(place, event):
    """Nobody sends them; none may end the function or get a malformed answer."""
    function = place.function()
    told = function.invoke(event)
    made = json.loads(told)
    if "statusCode" in made:
        Answer(told)
    else:
        assert set(made) == {"loads"} or {"errorType", "errorMessage"} <= set(made), told
    assert Answer(function.invoke(rest_event("GET", "/v1"))).status == 200


def test_an_internal_error_is_a_proper_answer(place):
    """A trigger of somebody's refuses what rowgate accepted; then the table is one that nobody can read."""
    function = place.function()
    assert Answer(function.invoke(rest_event("POST", LOADS, CSV, b"id,job\n1,Potter\n"))).status == 200
    sql("CREATE TRIGGER canary BEFORE INSERT ON jobs FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'canary'", place.database)
    answer = Answer(function.invoke(rest_event("POST", LOADS, CSV, b"id,job\n2,Baker\n")))
    assert answer.status == 500 and answer.json["code"] == "database.refused" and "canary" not in answer.text, answer
    deadline = time.monotonic() + 10  # the log comes by another way
    while not any("canary" in line for line in function.log):
        assert time.monotonic() < deadline, function.log
        time.sleep(0.05)
    answer = Answer(function.invoke(rest_event("POST", "/db_migration?table=jobs&schema=test_db&append=1", CSV, b"id,job\n2,Baker\n")))
    assert answer.status == 500 and answer.headers["content-type"].startswith("text/plain") and "canary" not in answer.text
    sql("DROP TRIGGER canary", place.database)
    assert Answer(function.invoke(rest_event("POST", LOADS, CSV, b"id,job\n2,Baker\n"))).status == 200


def test_without_database_or_bucket(place):
    """503 while it is away, then right again; the function starts without it."""
    function = place.function({"DB_PASSWORD": "wrong"})
    assert Answer(function.invoke(rest_event("GET", "/v1"))).status == 200
    for target in ("/v1/tables", "/readyz"):
        assert Answer(function.invoke(rest_event("GET", target))).status in (500, 503)
    place.s3.stop()
    try:
        there = place.function()
        assert Answer(there.invoke(rest_event("GET", "/v1"))).status == 200
        answer = Answer(there.invoke(rest_event("POST", "/v1/tables/jobs/loads?source=uploads/-/upl_06FAQ3T9Z8V4N1H7C2XKJ5M0RA/a.csv")))
        assert answer.status == 503 and answer.json["code"] == "storage.unreachable", answer
    finally:
        place.s3.start()
    assert Answer(there.invoke(rest_event("POST", LOADS, CSV, b"id,job\n1,Potter\n"))).status == 200


def test_a_connection_is_used_again_and_one_that_broke_is_made_anew(place):
    function = place.function()
    show = "SELECT count(*), max(id) FROM information_schema.processlist WHERE db = '{}'".format(place.database)
    assert Answer(function.invoke(rest_event("GET", "/v1/tables"))).status == 200
    first = sql(show)
    for _ in range(5):
        assert Answer(function.invoke(rest_event("GET", "/v1/tables"))).status == 200
    assert sql(show) == first and first.split()[0] == "1", "one connection for all of them"
    sql(f"KILL {first.split()[1]}")
    assert Answer(function.invoke(rest_event("GET", "/v1/tables"))).status == 200
    assert Answer(function.invoke(rest_event("POST", LOADS, CSV, b"id,job\n1,Potter\n"))).status == 200


def test_a_load_that_takes_too_long_is_rolled_back_and_told(place):
    """Another session holds the table; the time of the invocation is over before it gives way."""
    function = place.function(seconds=4)
    assert Answer(function.invoke(rest_event("POST", LOADS, CSV, b"id,job\n1,Potter\n"))).status == 200
    hold = "START TRANSACTION; UPDATE jobs SET job = 'Held' WHERE id = 1; SELECT SLEEP(6); ROLLBACK"
    holder = threading.Thread(target=sql, args=(hold, place.database))
    holder.start()
    while "SLEEP" not in sql("SELECT info FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"):
        time.sleep(0.05)
    began = time.monotonic()
    answer = Answer(function.invoke(rest_event("POST", LOADS + "?mode=upsert", CSV, b"id,job\n1,Baker\n2,Glazier\n")))
    took = time.monotonic() - began
    assert answer.status == 503 and answer.json["code"] == "run.interrupted" and took < 4, (answer, took)
    holder.join()
    assert place.rows("jobs") == 1
    deadline = time.monotonic() + 30  # until the server has seen that the other one is gone
    while Answer(function.invoke(rest_event("POST", LOADS + "?mode=upsert", CSV, b"id,job\n2,Glazier\n"))).status != 200:
        assert time.monotonic() < deadline
    assert place.rows("jobs") == 2


def test_nothing_lasts_on_the_instance(place):
    function = place.function()
    assert Answer(function.invoke(rest_event("POST", LOADS, CSV, b"id,job\n1,Potter\n"))).status == 200
    spool = pathlib.Path(place.spool)
    left = [path for path in spool.rglob("*") if path.is_file() and path.name != ".lock"]
    assert [path for path in left if path.suffix != ".new" or path.stat().st_size > 0] == []  # empty: waits for the next run
    assert sql("SELECT count(*) FROM rowgate_runs", place.database) == "1"
    first, = spool.iterdir()
    for name in ("4194305", "own"):  # of a process that is no more, and of somebody else
        (spool / name / "runs").mkdir(parents=True)
    other = place.function()
    assert Answer(other.invoke(rest_event("GET", "/v1/runs"))).json["items"][0]["status"] == "succeeded"
    left = {path.name for path in spool.iterdir()}
    assert {first.name, "own"} < left and "4194305" not in left and len(left) == 3, left


@pytest.mark.parametrize("settings, told", [
    ({"auth": {"allow_public_without_auth": False}}, "everybody who can invoke it"),
    ({"lambda": {"max_body_bytes": "7MB"}}, "lambda.max_body_bytes"),
    ({"links": {"keys": [{"id": "a1", "secret": "short"}]}}, "fewer than 32 characters"),
])
def test_a_configuration_that_cannot_be(make_place, settings, told):
    function = make_place(settings).function()
    assert told in function.invoke(rest_event("GET", "/v1")) + "\n".join(function.log)


def test_cold_and_warm(place):
    """Prints how long the first answer takes, and the next ones."""
    began = time.monotonic()
    function = place.function()
    started = time.monotonic()
    assert Answer(function.invoke(rest_event("GET", "/v1"))).status == 200
    cold = time.monotonic() - started

    def median(*request):
        times = []
        for _ in range(25):
            at = time.monotonic()
            assert Answer(function.invoke(rest_event(*request))).status == 200
            times.append(time.monotonic() - at)
        return sorted(times)[12]

    tables, service = median("GET", "/v1/tables"), median("GET", "/v1")
    load = median("POST", LOADS + "?mode=upsert", CSV, b"id,job\n1,Potter\n")
    body, _ = rows(4 << 20)
    at = time.monotonic()
    assert Answer(function.invoke(rest_event("POST", LOADS + "?mode=upsert", CSV, body))).status == 200
    large = time.monotonic() - at
    print(f"\nLambda emulator: cold start {1000 * cold:.0f} ms; warm, median: /v1 {1000 * service:.1f} ms, "
          f"/v1/tables {1000 * tables:.1f} ms, a load of one row {1000 * load:.1f} ms; a load of 4 MiB {large:.2f} s")
    init = [line for line in function.log if "Init Duration" in line]
    print("\n".join(init[:1]))
    assert cold < 5 and tables < 1 and started - began < 10


def test_it_says_where_it_belongs():
    done = subprocess.run([ROWGATE, "lambda"], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=False)
    assert done.returncode == 2 and "AWS_LAMBDA_RUNTIME_API is not set" in done.stderr and "rowgate serve" in done.stderr
