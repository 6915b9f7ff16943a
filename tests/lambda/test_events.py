"""The three forms of events, what goes in and comes out, and what is no event."""

import json

import pytest

from emulator import EVENTS, Answer, bus_event, object_event, rest_event

CSV = [("Content-Type", "text/csv")]
LOADS = "/v1/tables/jobs/loads"
KEY = "uploads/{}/upl_06FAQ3T9Z8V4N1H7C2XKJ5M0{}/jobs.csv"


@pytest.fixture(params=sorted(EVENTS))
def shape(request):
    return request.param


class Caller:
    def __init__(self, function, shape, **more):
        self.function, self.make, self.more = function, EVENTS[shape], more

    def __call__(self, method, target, headers=(), body=b"", **more):
        return Answer(self.function.invoke(self.make(method, target, list(headers), body, **self.more, **more)))


@pytest.fixture
def call(place, shape):
    return Caller(place.function(), shape)


def test_a_file_and_its_links(place, shape):
    """Links begin with the address that the event came in by, its stage included."""
    call = Caller(place.function(), shape)
    for table in ("departments", "jobs", "hired_employees"):
        answer = call("POST", f"/db_migration?table={table}&schema=test_db", CSV, (place.folder / f"{table}.csv").read_bytes())
        assert (answer.status, answer.text) == (200, "Data loaded succesfully!"), answer
    assert place.rows("hired_employees") == 1994
    answer = call("GET", "/second_sql_requirement")
    assert answer.status == 200 and not answer.is_base64
    begin = {"rest": "https://abc.execute-api.us-east-1.amazonaws.com/dev/d/", "http": "https://abc.execute-api.us-east-1.amazonaws.com/dev/d/",
             "url": "https://abc.lambda-url.us-east-1.on.aws/d/"}[shape]
    url = answer.json["presigned-url"]
    assert url.startswith(begin), url
    assert "&k=a1&" in url, "signed by the key of the configuration"
    target = url.removeprefix(begin.removesuffix("/d/"))
    answer = call("GET", target)
    assert answer.status == 302 and answer.body == b"", answer
    assert answer.headers["location"].startswith(place.s3.endpoint)
    assert call("GET", target + "0").status == 403
    assert call("GET", target.replace("?e=", "?e=9")).status == 403
    problem = call("GET", "/v1/nothing").json
    assert problem["type"] == begin.removesuffix("/d/") + "/problems/not-found"


def test_the_configured_address_counts_more(make_place, shape):
    place = make_place({"server": {"public_url": "https://hr.example.org/api"}})
    answer = Caller(place.function(), shape)("GET", "/v1/nothing")
    assert answer.json["type"] == "https://hr.example.org/api/problems/not-found"


@pytest.mark.parametrize("as_base64", [True, False])
def test_bodies(place, shape, as_base64):
    call = Caller(place.function(), shape, as_base64=as_base64)
    body = 'id,job\n1,"Caf\u00e9 keeper"\n2,"says ""yes"""\n'.encode()
    answer = call("POST", LOADS, CSV, body)
    assert answer.status == 200 and answer.json["rows"]["accepted"] == 2, answer
    assert answer.json["file"]["bytes"] == len(body)
    answer = call("GET", f"/v1/runs/{answer.json['id']}/source")
    assert answer.body == body and answer.headers["content-type"] == "application/octet-stream" and answer.is_base64


def test_queries_and_headers(call):
    """Encoded names, values that stand twice, headers in any case."""
    assert call("GET", "/v1/tables?limit=1&limit=2").json["code"] == "request.invalid"
    assert 'no parameter "a b&c"' in call("GET", "/v1/tables?a%20b%26c=1").json["detail"]
    assert call("GET", "/v1/tables/caf%C3%A9%2Fx").json["detail"] == 'there is no table "caf\u00e9/x"'
    assert call("GET", "/v1/tables/jobs/rows", [("ACCEPT", "text/csv")]).status == 200
    assert call("GET", "/v1", [("Request-Id", "mine-1")]).headers["request-id"] == "mine-1"
    head = call("HEAD", "/v1")
    assert head.status == 200 and head.body == b""
    assert call("OPTIONS", LOADS).headers["upload-limit"] == "max-size=4500000"
    assert call("GET", "/livez").status == 200 and call("GET", "/readyz").status == 200
    assert call("GET", "/v1/", []).json["hint"] == "leave out the slash at its end"
    assert call("GET", "/%zz").status == 400


def test_ranges_and_binary_answers(place, shape):
    call = Caller(place.function(), shape)
    run = call("POST", LOADS, CSV, b"id,job\n1,Potter\n").json["id"]
    answer = call("GET", f"/v1/runs/{run}/source", [("Range", "bytes=0-1")])
    assert answer.status == 206 and answer.body == b"id" and answer.headers["content-range"] == "bytes 0-1/16"


@pytest.mark.parametrize("event, named", [
    ({}, "its members are: none"),
    ({"action": "ping", "count": 3}, "its members are: action, count"),
    ({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}, 'events of \\"aws:sqs\\"'),
    ({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {}}, "EC2 Instance State-change Notification"),
    ([], "no JSON object"),
    ("text", "no JSON object"),
])
def test_an_event_that_is_none_is_named(place, event, named):
    function = place.function()
    told = function.invoke(event)
    assert json.loads(told)["errorType"] == "request.invalid" and named in told, told
    assert Answer(function.invoke(rest_event("GET", "/v1"))).status == 200, "the function goes on"


def put(place, key, data, folder="uploads"):
    status, _, body = place.s3.request("PUT", f"{place.prefix}/{key}", body=data)
    assert status == 200, body
    return f"{place.prefix}/{key}"


@pytest.mark.parametrize("make", [object_event, bus_event])
def test_an_object_is_loaded_by_its_event_and_once(place, make):
    function = place.function()
    key = put(place, KEY.format("jobs", "RA"), (place.folder / "jobs.csv").read_bytes())
    answers = [json.loads(function.invoke(make(place.s3.BUCKET, key)))["loads"][0] for _ in range(2)]
    assert [answer["status"] for answer in answers] == [200, 200], answers
    assert answers[0]["answer"]["id"] == answers[1]["answer"]["id"], "the same event twice is one load"
    assert answers[0]["answer"]["principal"] == "storage"
    assert place.rows("jobs") == 183
    put(place, KEY.format("jobs", "RA"), b"id,job\n900001,Lamplighter\n")
    assert json.loads(function.invoke(make(place.s3.BUCKET, key, "v2")))["loads"][0]["status"] == 200
    assert place.rows("jobs") == 184, "another object under the same key is another load"


def test_with_keys_an_event_needs_none(make_place):
    place = make_place({"auth": {"mode": "keys", "keys": [{"name": "a", "sha256": "0" * 64, "scopes": ["admin"]}]}})
    function = place.function()
    assert Answer(function.invoke(rest_event("GET", "/v1/tables"))).status == 401
    key = put(place, KEY.format("jobs", "RA"), b"id,job\n1,Potter\n")
    assert json.loads(function.invoke(object_event(place.s3.BUCKET, key)))["loads"][0]["status"] == 200
    assert Answer(function.invoke(rest_event("GET", "/v1/tables"))).status == 401


def test_objects_that_are_not_to_be_loaded(place):
    """One whose table a request says, one of another bucket, of another place, one that was removed."""
    function, bucket = place.function(), place.s3.BUCKET
    data = b"id,job\n1,Spy\n"
    others = [object_event(bucket, put(place, KEY.format("-", "RA"), data)), object_event("other", put(place, KEY.format("jobs", "RB"), data)),
              object_event(bucket, put(place, "sources/run_06FAQ3T9Z8V4N1H7C2XKJ5M0RA", data)),
              object_event(bucket, "elsewhere/" + KEY.format("jobs", "RA")),
              object_event(bucket, put(place, KEY.format("jobs", "RC"), data), event="ObjectRemoved:Delete")]
    for event in others:
        assert json.loads(function.invoke(event)) == {"loads": []}, event
    assert function.invoke({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-03-02T09:15:00.000Z", "Bucket": bucket}) == "{}"
    assert json.loads(function.invoke({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})) == {}


def test_a_bad_object_is_told_and_one_that_may_come_right_fails(place):
    function, bucket = place.function(), place.s3.BUCKET
    key = put(place, KEY.format("jobs", "RA"), b"id,job\nx,Potter\n")
    load, = json.loads(function.invoke(object_event(bucket, key)))["loads"]
    assert load["status"] == 422 and load["answer"]["errors"][0]["line"] == 2
    missing = json.loads(function.invoke(object_event(bucket, f"{place.prefix}/{KEY.format('jobs', 'RB')}")))["loads"]
    assert missing[0]["status"] == 404
    broken = place.function({"DB_PASSWORD": "wrong"})
    told = json.loads(broken.invoke(object_event(bucket, key, "v2")))
    assert told["errorType"] == "load.failed" and "jobs.csv" in told["errorMessage"], told


def test_the_configuration_is_read_at_the_start_only(call):
    assert call("POST", "/v1/config/reload").status == 404
