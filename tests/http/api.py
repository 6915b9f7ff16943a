"""docs/http-api.yaml for tests: its operations, what each may answer, and whether an answer is one of that."""

import json
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

FILE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "http-api.yaml"
SPEC = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
METHODS = ("get", "post", "put", "patch", "delete", "options", "head", "trace")

# Statuses that every operation may answer with, and the slug that each of them has.
ANY_OPERATION = {int(status): re.match("`([a-z-]+)`", entry["description"])[1]
                 for status, entry in SPEC["x-any-operation"].items()}

FORMATS = jsonschema.FormatChecker(())


@FORMATS.checks("date-time")
def is_time(text):
    return not isinstance(text, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text))


@FORMATS.checks("uri")
def is_uri(text):
    return not isinstance(text, str) or bool(re.fullmatch(r"https?://[!#-;=?-Z_a-z~%\[\]]+", text))


def resolved(node):
    """What a `$ref` leads to; everything else as it is."""
    while isinstance(node, dict) and "$ref" in node:
        target = SPEC
        for level in node["$ref"].removeprefix("#/").split("/"):
            target = target[level.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def validate(value, schema, where):
    resolver = jsonschema.RefResolver.from_schema(SPEC)
    validator = jsonschema.Draft202012Validator(schema, resolver=resolver, format_checker=FORMATS)
    for error in validator.iter_errors(value):
        place = "/".join(map(str, error.absolute_path))
        raise AssertionError(f"{where}: {error.message} (at /{place})")


class Operation:
    def __init__(self, path, method, item):
        node = item[method]
        self.id, self.method, self.path, self.node = node["operationId"], method.upper(), path, node
        self.parameters = [resolved(each) for each in item.get("parameters", []) + node.get("parameters", [])]
        self.responses = {int(status): resolved(each) for status, each in node["responses"].items()}
        self.body = resolved(node.get("requestBody"))
        scopes = {scope for way in node["security"] for words in way.values() for scope in words}
        assert len(scopes) <= 1, f"{self.id} has several scopes"
        self.scope = next(iter(scopes), None)
        self.is_operations = "operations" in node["tags"]
        self.is_original = "original" in node["tags"]
        levels = [re.split(r"(\{[^}]*\})", level) for level in path[1:].split("/")]
        self.levels = [re.compile("".join("(.+)" if part.startswith("{") else re.escape(part) for part in level), re.S)
                       for level in levels]

    def __repr__(self):
        return self.id

    def parameters_in(self, place):
        return [each for each in self.parameters if each["in"] == place]

    def fits(self, path):
        levels = [urllib.parse.unquote(level, errors="surrogateescape") for level in path[1:].split("/")]
        return len(levels) == len(self.levels) and all(
            pattern.fullmatch(level) for pattern, level in zip(self.levels, levels))

    @property
    def rank(self):
        """Less is more special: the server takes /v1/reports/{report}.csv before /v1/reports/{report}."""
        return [(-len(re.sub(r"\{.*?\}", "", level)), level.count("{")) for level in self.path.split("/")]


OPERATIONS = {operation.id: operation for operation in (
    Operation(path, method, item) for path, item in SPEC["paths"].items() for method in METHODS if method in item)}


def promises():
    """(operation, status, media type or None) of every answer that the description lists."""
    for operation in OPERATIONS.values():
        for status, response in operation.responses.items():
            for media in response.get("content") or [None]:
                yield operation, status, media


def operations_at(path):
    """Those of the most special template that fits the path."""
    found = sorted((each for each in OPERATIONS.values() if each.fits(path)), key=lambda each: each.rank)
    return [each for each in found if each.path == found[0].path]


def allowed_at(path):
    """The methods that Allow must name."""
    methods = {each.method for each in operations_at(path)}
    return methods | ({"HEAD"} if "GET" in methods else set())


def header_values(answer, name):
    return answer.headers.get_all(name) or []


def check_common(answer, sent, where):
    """What product and description promise of every answer."""
    assert header_values(answer, "X-Content-Type-Options") == ["nosniff"], where
    ids = header_values(answer, "Request-Id")
    assert len(ids) == 1 and re.fullmatch(r"[A-Za-z0-9._-]{1,128}", ids[0]), (where, ids)
    given = sent.get("Request-Id", "")
    if re.fullmatch(r"[A-Za-z0-9._-]{1,128}", given):
        assert ids == [given], where
    assert len(header_values(answer, "Cache-Control")) == 1, where
    kinds = header_values(answer, "Content-Type")
    assert len(kinds) <= 1 and len(header_values(answer, "Date")) == 1, where
    if kinds and not kinds[0].startswith("application/octet-stream"):
        assert "charset=utf-8" in kinds[0], (where, kinds)
    if answer.status in (204, 304):
        assert not kinds and not answer.body, where
    if answer.status in (503, 429):
        is_health = kinds[0].startswith("application/health+json")
        assert is_health or int(answer.headers["Retry-After"]) >= 1, (where, "without Retry-After")


def check_cache(answer, operation, where):
    cached = {"showSchema": "private, no-cache", "openapiYaml": "no-cache", "openapiJson": "no-cache",
              "download": "private, no-store"}
    usual = "no-store" if answer.status not in (200, 206, 304) or not operation else cached.get(operation.id, "no-store")
    found = answer.headers["Cache-Control"]
    assert found == usual or (operation and operation.id == "download" and found == "private, no-store"), (where, found)


def check_problem(answer, where):
    problem = answer.problem
    validate(problem, {"$ref": "#/components/schemas/Problem"}, where)
    assert problem["status"] == answer.status, where
    assert problem["request_id"] == answer.headers["Request-Id"], where
    if "Retry-After" in answer.headers:
        assert problem["retry_after"] == int(answer.headers["Retry-After"]), where


def check_line(answer, where):
    """The original API's way to tell what is wrong."""
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8", where
    assert answer.body and not re.search(rb"[\x00-\x1f]", answer.body), (where, answer.text)


def check_headers(answer, response, where):
    for name, header in (response.get("headers") or {}).items():
        header = resolved(header)
        value = answer.headers.get(name)
        assert value is not None or not header.get("required"), f"{where}: there is no {name}"
        if value is None:
            continue
        schema = resolved(header["schema"])
        is_number = schema.get("type") == "integer" and re.fullmatch("-?[0-9]+", value)
        validate(int(value) if is_number else value, schema, f"{where}: {name}")


def check_body(answer, content, where, is_head):
    if not content:
        assert not answer.body and "Content-Type" not in answer.headers, f"{where}: a body that is not described"
        return
    media = (answer.headers["Content-Type"] or "").partition(";")[0]
    assert media in content, f"{where}: {media} is not described"
    if is_head:
        assert not answer.body, f"{where}: HEAD with a body"
        return
    schema = content[media].get("schema")
    if media.endswith("json"):
        validate(json.loads(answer.body.decode("utf-8")), schema, where)
    elif media == "application/yaml":
        validate(yaml.safe_load(answer.body), schema, where)
    elif schema:
        validate(answer.body.decode("utf-8"), schema, where)
    if media == "application/problem+json":
        check_problem(answer, where)


def check_any(answer, operation, where, is_head):
    """An answer that need not be described with the operation."""
    assert answer.status in ANY_OPERATION, f"{where}: the status is not described\n{answer.text}"
    if is_head:
        return
    if operation and operation.is_original and not answer.headers["Content-Type"].startswith("application/problem+json"):
        check_line(answer, where)  # what is no request at all is a problem there too
        return
    check_problem(answer, where)
    slug = answer.json["type"].rsplit("/", 1)[1]
    assert slug == ANY_OPERATION[answer.status], (where, slug)


def check(method, target, answer, sent=None, is_admin=False):
    """Fails unless the answer is one that the description promises; `is_admin`: on server.admin_listen."""
    where = f"{method} {target[:200]} -> {answer.status}"
    sent = sent or {}
    check_common(answer, sent, where)
    path = target.partition("?")[0]
    here = [each for each in operations_at(path) if each.is_operations or not is_admin]
    is_head = method == "HEAD"
    operation = next((each for each in here if each.method == ("GET" if is_head else method)), None)
    check_cache(answer, operation, where)
    if not here:
        assert answer.status in (404, 400, 414, 421), f"{where}: the path is not described\n{answer.text}"
        if not is_head:
            check_problem(answer, where)
    elif operation is None:
        assert answer.status in {405, *ANY_OPERATION} - {500}, where
        if answer.status == 405:
            assert set(answer.headers["Allow"].split(", ")) == allowed_at(path), (where, answer.headers["Allow"])
        if answer.body:
            check_problem(answer, where)
    elif answer.status in operation.responses:
        response = operation.responses[answer.status]
        media = (answer.headers["Content-Type"] or "").partition(";")[0]
        if answer.status in ANY_OPERATION and media not in (response.get("content") or {}):
            check_any(answer, operation, where, is_head)
            return
        check_headers(answer, response, where)
        check_body(answer, response.get("content"), where, is_head)
    else:
        check_any(answer, operation, where, is_head)
