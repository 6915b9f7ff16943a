"""The address that is tested, and a client for it. Nothing but Python and pytest is needed."""

import json
import os
import pathlib
import ssl
import urllib.error
import urllib.parse
import urllib.request

import pytest

DATA = pathlib.Path(__file__).parent / "data"
CSV = {"Content-Type": "text/csv"}
JSON = {"Content-Type": "application/json"}
TABLES = ("departments", "jobs", "hired_employees")


def pytest_addoption(parser):
    group = parser.getgroup("rowgate", "the address that tests/api asks")
    group.addoption("--base-url", default=os.environ.get("ROWGATE_URL"), help="with the stage, where there is one (ROWGATE_URL)")
    group.addoption("--key", default=os.environ.get("ROWGATE_KEY"), help="an API key of rowgate or of its gateway (ROWGATE_KEY)")
    group.addoption("--schema", default="test_db", help="the database's name, or one of compat.schemas")
    group.addoption("--max-rows", type=int, help="what compat.max_rows is there, so that its message is tried too")
    group.addoption("--ca", help="a PEM file of the authority that the certificate is from")


def pytest_configure(config):
    if not config.getoption("--base-url") and config.getoption("help", False) is False:
        raise pytest.UsageError("which address? --base-url https://... or ROWGATE_URL; see tests/api/README.md")


def pytest_collection_modifyitems(config, items):
    """What asks for more than the address tells is left out, not skipped, where it is not given."""
    without = [name for name, option in (("needs_key", "--key"), ("needs_max_rows", "--max-rows")) if config.getoption(option) is None]
    dropped = [item for item in items if any(item.get_closest_marker(name) for name in without)]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"{self.status} {self.text[:400]}"

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def slug(self):
        assert self.headers["Content-Type"].startswith("application/problem+json"), self
        return self.json["type"].rsplit("/", 1)[1]


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Client:
    """Requests to the address under test; redirects are not followed."""

    def __init__(self, base_url, key, schema, authority=None):
        self.base_url, self.key, self.schema = base_url.rstrip("/"), key, schema
        self.versions = {}  # of tables that hold the example
        context = ssl.create_default_context(cafile=authority)
        self.opener = urllib.request.build_opener(NoRedirects, urllib.request.HTTPSHandler(context=context))

    def fetch(self, url, method="GET", body=None, headers=None):
        """Any address, without the key."""
        request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
        try:
            with self.opener.open(request, timeout=120) as got:
                return Answer(got.status, got.headers, got.read())
        except urllib.error.HTTPError as got:
            return Answer(got.code, got.headers, got.read())

    def request(self, method, path, body=None, headers=None, with_key=True):
        sent = {"Accept": "*/*", **(headers or {})}  # without it, some gateways hand out bodies as base64
        if self.key and with_key:
            sent["X-Api-Key"] = self.key
        if method == "POST" and body is None:
            body = b""
        return self.fetch(self.base_url + path, method, body, sent)

    def get(self, path, headers=None, **more):
        return self.request("GET", path, None, headers, **more)

    def post(self, path, body=b"", headers=None, **more):
        return self.request("POST", path, body, CSV if headers is None else headers, **more)

    def follow(self, url):
        """What a link gives in the end: some lead to the bucket."""
        answer = self.fetch(url)
        return self.fetch(answer.headers["Location"]) if answer.status == 302 else answer

    def load_as_before(self, table, body=None, **more):
        """By the original API."""
        query = urllib.parse.urlencode({"table": table, "schema": self.schema, **more})
        return self.post(f"/db_migration?{query}", (DATA / f"{table}.csv").read_bytes() if body is None else body)


@pytest.fixture(scope="session")
def api(request):
    option = request.config.getoption
    return Client(option("--base-url"), option("--key"), option("--schema"), option("--ca"))


@pytest.fixture
def example(api):
    """The three tables hold the example, whatever was there before. A table of the version that it had when this fixture loaded
    it last is left as it is."""
    def versions():
        return {item["name"]: item["version"] for item in api.get("/v1/tables?limit=1000").json["items"] if item["name"] in TABLES}

    now = versions()
    old = [table for table in TABLES if now.get(table) is None or now[table] != api.versions.get(table)]
    for table in old:
        answer = api.load_as_before(table)
        assert (answer.status, answer.text) == (200, "Data loaded succesfully!"), answer
    if old:
        api.versions = versions()
    return api


@pytest.fixture
def limits(api):
    return api.get("/v1").json["limits"]
