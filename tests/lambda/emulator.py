"""A function under AWS's Runtime Interface Emulator, the events that gateways make of requests, and what they take as answers."""

import base64
import http.client
import json
import os
import pathlib
import socket
import subprocess
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
EMULATOR = os.environ.get("ROWGATE_LAMBDA_EMULATOR", str(ROOT / "build/tools/aws-lambda-rie"))
BOOTSTRAP = os.environ.get("ROWGATE_LAMBDA", str(ROOT / "build/lambda/bootstrap"))
MOST_BYTES = 6_291_556  # of an event or an answer: what the emulator, as the real thing, carries
INVOKE = "/2015-03-31/functions/function/invocations"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Function:
    """The packed program, by its own bootstrap; `environment` is all that it has."""

    def __init__(self, environment, seconds=60, command=(BOOTSTRAP,), folder=None):
        assert pathlib.Path(EMULATOR).exists(), f"there is no {EMULATOR}; ./dev setup fetches it"
        assert pathlib.Path(BOOTSTRAP).exists(), f"there is no {BOOTSTRAP}; ./dev lambda makes it"
        self.port, runtime = free_port(), free_port()
        self.log = []
        self.process = subprocess.Popen(
            [EMULATOR, "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
             "--runtime-api-address", f"127.0.0.1:{runtime}", *command],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env={"PATH": "/usr/bin:/bin", "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds), "AWS_REGION": "us-east-1",
                 "AWS_EC2_METADATA_DISABLED": "true", **environment})
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        deadline = time.monotonic() + 20
        while not self.listens():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.01)

    def read_log(self):
        for line in self.process.stdout:
            self.log.append(line.decode("utf-8", "replace").rstrip())

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        """The emulator ends its function when it is asked to end."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()
        self.reader.join(5)

    def invoke(self, event):
        """What the function answered, as text; `event`: JSON, or bytes."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("POST", INVOKE, body)
            return connection.getresponse().read().decode()
        finally:
            connection.close()


class Answer:
    """What a gateway makes of an answer. Fails where the answer is malformed, which a real one tells as 502."""

    def __init__(self, text):
        made = json.loads(text)
        assert isinstance(made, dict) and set(made) == {"statusCode", "headers", "body", "isBase64Encoded"}, text[:500]
        assert isinstance(made["statusCode"], int) and 200 <= made["statusCode"] < 600, text[:500]
        assert isinstance(made["body"], str) and isinstance(made["isBase64Encoded"], bool), text[:500]
        assert all(isinstance(value, str) and "\n" not in value for value in made["headers"].values()), made["headers"]
        assert len(text.encode()) <= MOST_BYTES, len(text)
        self.status, self.is_base64 = made["statusCode"], made["isBase64Encoded"]
        self.headers = {name.lower(): value for name, value in made["headers"].items()}
        assert len(self.headers) == len(made["headers"]), made["headers"]
        self.body = base64.b64decode(made["body"], validate=True) if self.is_base64 else made["body"].encode()

    def __repr__(self):
        return f"{self.status} {self.text[:400]}"

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


# --- events; their members are those of AWS's documentation ------------------------------------------------------------


def carried(body, as_base64):
    if not body:
        return {"body": None, "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode() if as_base64 else body.decode(), "isBase64Encoded": as_base64}


def rest_event(method, target, headers=(), body=b"", as_base64=True, stage="dev", domain="abc.execute-api.us-east-1.amazonaws.com"):
    """A REST API: the path without its stage, the query decoded, several values of a name apart."""
    path, _, query = target.partition("?")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
    several = {}
    for name, value in reversed(pairs):  # in some order
        several.setdefault(name, []).insert(0, value)
    fields = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)
    return {
        "resource": "/{proxy+}", "path": path, "httpMethod": method,
        "headers": {name: values[-1] for name, values in fields.items()} or None, "multiValueHeaders": fields or None,
        "queryStringParameters": dict(pairs) or None, "multiValueQueryStringParameters": several or None,
        "pathParameters": {"proxy": path[1:]}, "stageVariables": None,
        "requestContext": {"resourceId": "r", "apiId": "abc", "accountId": "111111111111", "stage": stage, "httpMethod": method,
                           "path": f"/{stage}{path}", "protocol": "HTTP/1.1", "domainName": domain, "domainPrefix": "abc",
                           "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                           "identity": {"sourceIp": "192.0.2.7", "userAgent": "test"}},
        **carried(body, as_base64)}


def http_event(method, target, headers=(), body=b"", as_base64=True, stage="dev", domain="abc.execute-api.us-east-1.amazonaws.com"):
    """An HTTP API: the path with its stage, the query as it came, values of a name joined."""
    path, _, query = target.partition("?")
    fields = {}
    for name, value in headers:
        name = name.lower()
        fields[name] = f"{fields[name]},{value}" if name in fields else value
    raw = path if stage == "$default" else f"/{stage}{path}"
    event = {
        "version": "2.0", "routeKey": "$default", "rawPath": raw, "rawQueryString": query, "headers": fields,
        "requestContext": {"accountId": "111111111111", "apiId": "abc", "domainName": domain, "domainPrefix": "abc",
                           "http": {"method": method, "path": raw, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "test"},
                           "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": stage, "timeEpoch": 1}}
    if body:
        event |= carried(body, as_base64)
    return {**event, "isBase64Encoded": bool(body) and as_base64}


def url_event(method, target, headers=(), body=b"", as_base64=True, domain="abc.lambda-url.us-east-1.on.aws", **_):
    """A function URL: as an HTTP API without stage."""
    return http_event(method, target, headers, body, as_base64, "$default", domain)


EVENTS = {"rest": rest_event, "http": http_event, "url": url_event}


def object_event(bucket, key, version="v1", event="ObjectCreated:Put"):
    """A bucket's notification."""
    return {"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": event,
                         "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                                "object": {"key": urllib.parse.quote_plus(key, safe="/"), "size": 1, "eTag": version, "sequencer": "1"}}}]}


def bus_event(bucket, key, version="v1"):
    """The same by EventBridge."""
    return {"version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created", "source": "aws.s3",
            "account": "111111111111", "region": "us-east-1",
            "detail": {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "etag": version}, "reason": "PutObject"}}
