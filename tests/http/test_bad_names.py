"""Names with quotes, dots, slashes and SQL in every parameter of every operation.

Made from docs/http-api.yaml: a new operation or parameter is in it by itself. Server.request() fails on every answer that the
description does not promise, so a 500 does too.
"""

import urllib.parse

import pytest

import api
import worlds as situations

# As they go over the wire in a path; in a query "&" and the like are encoded.
NAMES = [
    "'", '"', "%27%20OR%20%271%27=%271", "jobs%22%3B%20DROP%20TABLE%20jobs%3B--", "jobs'--", "jobs%00", "%00", "%2e%2e", "..%2F..%2Fetc%2Fpasswd",
    "..%5c..%5cwindows", "%2e%2e%2f%2e%2e%2frowgate.yaml", ".", "..", "....//....//", "jobs.", ".jobs", "jobs%20", "%20jobs", "%09",
    "%0d%0aSet-Cookie:%20a=b", "%0a", "JOBS", "j%6fbs%2f", "jobs/", "/jobs", "jobs%3fx", "jobs%23", "%25", "%2525", "%252e%252e", "%c0%ae%c0%ae",
    "%ff%fe", "%ed%a0%80", "%f0%9f%92%a9", "%e2%80%ae", "rowgate_runs", "rowgate_schema", "sqlite_schema", "sqlite_master", "__rg_x",
    "main.jobs", "%5bjobs%5d", "%60jobs%60", "a" * 64, "a" * 300, "x" * 4000, "1%3Bselect%20randomblob(1e9)", "null", "-1", "0x10", "1e400",
    "99999999999999999999", "true", "%7b%7d", "%5b%5d", "$(id)", "%24%7bjndi:ldap:x%7d", "{{7*7}}", "<script>", "%3cscript%3e", "*", "%25s%25n",
    "run_" + "0" * 26, "run_" + "Z" * 26, "lnk_" + "0" * 26, "jobs.csv", ".csv", ".json", "template.csv", "jobs%2Frows", "%u0027",
]


@pytest.fixture(scope="module")
def there(worlds):
    """A server of its own: what these names do to it is seen."""
    made = situations.Situation(worlds.start(situations.REPORTS + "compat: { create_tables: false }\n")).load_example()
    made.before = state(made)
    return made


def state(there):
    return {table: (there.server.rows(table), there.server.version(table)) for table in situations.TABLES}


def path_with(operation, there, parameter, name):
    names = {**there.names(), parameter: name}
    path = operation.path
    for each, value in names.items():
        path = path.replace("{%s}" % each, value)
    return path


def send(there, operation, path, query="", headers=None):
    """What cannot stand in a request line is encoded; bodies judge and load nothing."""
    target = urllib.parse.quote(path, safe="/%!$'()*+,;=:@&?[]{}<>\"`|^\\".replace('"', "").replace("<", "").replace(">", ""))
    body, sent = None, dict(headers or {})
    if operation.method == "POST" and operation.body:
        is_file = "text/csv" in operation.body["content"]
        sent.setdefault("Content-Type", "text/csv" if is_file else "application/json")
        # A file whose every record is refused, and a link that ends at once.
        body = b"id,job\nx,y\n" if is_file else b'{"expires_in": 1}'
    return there.server.request(operation.method, target + ("?" + query if query else ""), body, sent)


def check(there, answer):
    assert answer.status < 500 or answer.status == 504, answer
    assert there.server.is_alive()
    assert "Set-Cookie" not in answer.headers
    for part in ("SELECT ", "SQL logic error", "syntax error", "no such table:", "no such column", "unrecognized token", str(there.folder), "root:x:"):
        assert part not in answer.text, (part, answer)


PATH_PARAMETERS = [pytest.param(operation, each["name"], id=f"{operation.id} {each['name']}")
                   for operation in api.OPERATIONS.values() for each in operation.parameters_in("path")]


@pytest.mark.parametrize("operation, parameter", PATH_PARAMETERS)
def test_names_in_paths(there, operation, parameter):
    for name in NAMES:
        query = there.download.partition("?")[2] if operation.id == "download" else ""
        answer = send(there, operation, path_with(operation, there, parameter, name), query)
        check(there, answer)
        assert answer.status >= 400 or is_known(operation, parameter, name), (name, answer)


def is_known(operation, parameter, name):
    """Names that are no mistake."""
    plain = urllib.parse.unquote(name)
    return (operation.id, parameter) == ("discoverLoads", "table") or plain in ("jobs", "departments_above_mean")


QUERY_PARAMETERS = [pytest.param(operation, each["name"], id=f"{operation.id} {each['name']}")
                    for operation in api.OPERATIONS.values() for each in operation.parameters_in("query")]


@pytest.mark.parametrize("operation, parameter", QUERY_PARAMETERS)
def test_values_in_queries(there, operation, parameter):
    for value in NAMES:
        encoded = urllib.parse.quote(value, safe="%")
        query = {"e": there.download.partition("?")[2]}.get(parameter, "")
        if operation.id == "originalLoad":  # only what cannot be a table, or no table of ours
            others = {"table": "jobs", "schema": "test_db", "append": "true"}
            query = urllib.parse.urlencode({key: text for key, text in others.items() if key != parameter})
        query = "&".join(part for part in (query, f"{parameter}={encoded}") if part)
        path = operation.path.format(**there.names())
        check(there, send(there, operation, path, query))


@pytest.mark.parametrize("operation", list(api.OPERATIONS.values()), ids=repr)
def test_parameters_that_nobody_knows(there, operation):
    for name in NAMES:
        encoded = urllib.parse.quote(name, safe="%")
        query = "table=jobs&schema=payroll&" if operation.id == "originalLoad" else ""
        answer = send(there, operation, operation.path.format(**{**there.names(), "link": "lnk_" + "0" * 26}), f"{query}{encoded}={encoded}")
        check(there, answer)
        if not operation.is_original:
            assert answer.status in (400, 403), (name, answer)


HEADERS = ["Idempotency-Key", "Content-Encoding", "Content-Type", "Content-Digest", "Accept", "If-None-Match", "If-Range", "Range",
           "Request-Id", "traceparent", "Origin", "Authorization", "X-Forwarded-For"]


OF_HEADERS = {
    "Range": ["bytes=-", "bytes=0-0,1-1", "bytes=99999999999999999999-", "lines=1-2"],
    "Content-Type": ["multipart/form-data", "multipart/form-data; boundary=" + "b" * 200, "text/csv; charset=utf-7", "text/csv; charset=",
                     "text/csv; header=maybe", "text/csv; header=absent"],
    "Accept": ["text/*;q=2", "*/*;q=0", "text/csv;q=0.0001", "application/json, application/json"],
    "Content-Digest": ["sha-256=::", "sha-256=:AA==:", "md5=:AA==:"],
    "Content-Encoding": ["gzip, gzip", "identity, gzip", "GZIP"],
    "Idempotency-Key": ['""', '"a', "a" * 255, "a b"],
}


@pytest.mark.parametrize("operation", [api.OPERATIONS[name] for name in (
    "showTable", "listRows", "loadFile", "downloadSource", "createLink", "originalLoad")], ids=repr)
def test_values_of_headers(there, operation):
    for header in HEADERS:
        for value in ["", '"', "*", "a" * 5000, ",;=", "\xff\xfe", *OF_HEADERS.get(header, [])]:
            query = {"originalLoad": "table=jobs&schema=test_db&append=1", "download": there.download.partition("?")[2],
                     "loadFile": "dry_run=true"}.get(operation.id, "")
            answer = send(there, operation, operation.path.format(**there.names()), query, {header: value.encode("latin-1").decode("latin-1")})
            check(there, answer)


def test_afterwards_everything_is_as_it_was(there):
    """Runs last: no name above has changed a table, made one, or left a file."""
    assert state(there) == there.before
    tables = [item["name"] for item in there.server.get("/v1/tables?limit=1000").json["items"]]
    assert sorted(tables) == sorted(situations.TABLES)
    assert not situations.spool_files(there.folder)
    outside = {path.name for path in there.folder.iterdir()}
    assert outside == {"rowgate.yaml", "serve.yaml", "data", *(f"{table}.csv" for table in situations.TABLES)}
