"""schemathesis against a running server: requests made from docs/http-api.yaml, answers held against it.

`./dev test` installs it into build/venv (tests/requirements.txt). The seed is fixed, so that a run says something about the
change that it tests; others: SCHEMATHESIS_SEED=7 SCHEMATHESIS_EXAMPLES=300 and this file alone.
"""

import copy
import json
import os
import pathlib
import re
import subprocess

import pytest

import api
import worlds as situations

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE.parents[1] / "build" / "venv" / "bin" / "schemathesis"
SEED = os.environ.get("SCHEMATHESIS_SEED", "20260302")
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "40"))

# Requests that fit their schemas and are refused all the same, beside those of which schemathesis knows (401, 403, 404, 409, 429):
# what no schema can say. By operation: the statuses, and why.
REFUSED_ALL_THE_SAME = {
    "listTables": ([400], "only a cursor that the server made is one, and only for the query that it was made by"),
    "listRows": ([400], "the same"),
    "listRuns": ([400], "the same"),
    "listRejects": ([400, 410], "the same; the rejects of a run are kept for a time only"),
    "listReports": ([400], "the same"),
    "listLinks": ([400], "the same"),
    "showSchema": ([400, 406], "`dialect` goes with `as=sql` only, and a server speaks one dialect"),
    "downloadSource": ([410, 416], "a file is kept for a time, and has the length that it has"),
    "download": ([410, 416], "the same"),
    "validateFile": ([400, 413, 415, 422], "the file decides: what is in it, whether it is packed as Content-Encoding says"),
    "loadFile": ([400, 413, 415, 422], "the same; and an Idempotency-Key is good for one request"),
    "originalLoad": ([400, 413, 415, 422], "the same; and only some names are schemas"),
    "runReportAsCsv": ([400, 422, 504], "each report has parameters of its own, rows and a time"),
    "runReportAsJson": ([400, 422, 504], "the same"),
    "createLink": ([400, 422, 504], "the same; and an Idempotency-Key is good for one request"),
    "originalFirstReport": ([422, 504], "the same"),
    "originalSecondReport": ([422, 504], "the same"),
    "createSource": ([400], "seconds are written without a point, though 60.0 is a whole number too"),
}

# Beside 400, 401, 403, 404, 405, 406, 409, 415, 422, 428 and 429: a body, target or header that is longer than any may be, and a
# Range that a server may pass over is no error, but one behind the end is.
REFUSED = [400, 401, 403, 404, 405, 406, 409, 410, 413, 414, 415, 416, 422, 429, 431, 501]

# Operations that take what their schemas do not allow, on purpose.
TOLERANT = {
    "originalLoad": "the original API passes over what it does not know; any `append` means something",
    "originalFirstReport": "the original API passes over what it does not know",
    "originalSecondReport": "the original API passes over what it does not know",
    "discoverLoads": "it says the same for every name",
}


def description(with_keys, names):
    """docs/http-api.yaml with the answers under x-any-operation at every operation, and with examples that are there."""
    spec = copy.deepcopy(api.SPEC)
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for item in spec["paths"].values():
        for method, node in item.items():
            if method not in api.METHODS:
                continue
            for status, entry in api.SPEC["x-any-operation"].items():
                known = node["responses"].get(status)
                found = copy.deepcopy(api.resolved(known)) if known else {"description": entry["description"]}
                found["content"] = {**problem, **found.get("content", {})}
                if "original" in node["tags"]:
                    found["content"].setdefault("text/plain", {"schema": {"type": "string"}})
                node["responses"][status] = found
            if with_keys:  # without the way that needs none
                node["security"] = [way for way in node["security"] if way or len(node["security"]) == 1]
    for media in ("text/csv", "application/csv"):  # schemathesis_hooks.py makes them; test_operations.py plays the examples
        del spec["components"]["requestBodies"]["File"]["content"][media]["example"]
    for name, value in names.items():
        if name in spec["components"]["parameters"]:
            spec["components"]["parameters"][name]["example"] = value
    return spec


def settings(headers):
    """schemathesis.toml."""
    lines = [
        f'hooks = "{HERE / "schemathesis_hooks.py"}"', f"seed = {SEED}", "continue-on-failure = true", "request-timeout = 20.0",
        "[generation]", f"max-examples = {EXAMPLES}", 'database = "none"',
        # NUL cannot stand in a target: it is refused before an operation is known (test_bad_names.py has it).
        "allow-x00 = false",
        "[phases.stateful.generation]", f"max-examples = {EXAMPLES}",
        "[checks.negative_data_rejection]", f"expected-statuses = {REFUSED}",
        "[warnings]", "enabled = false",
    ]
    if headers:
        lines += ["[headers]", *(f'{name} = "{value}"' for name, value in headers.items())]
    for operation, (statuses, _) in REFUSED_ALL_THE_SAME.items():
        accepted = [200, 201, 202, 204, 206, 304, 401, 403, 404, 409, 429, *statuses]
        lines += ["[[operations]]", f'include-operation-id = "{operation}"',
                  "[operations.checks.positive_data_acceptance]", f"expected-statuses = {accepted}"]
        if operation in TOLERANT:
            lines += ["[operations.checks.negative_data_rejection]", "enabled = false"]
        if 504 in statuses:  # a report that runs too long is no fault of the server
            lines += ["[operations.checks.not_a_server_error]", "expected-statuses = ['2xx', '3xx', '4xx', 504]"]
    for operation in TOLERANT.keys() - REFUSED_ALL_THE_SAME.keys():
        lines += ["[[operations]]", f'include-operation-id = "{operation}"',
                  "[operations.checks.negative_data_rejection]", "enabled = false"]
    return "\n".join(lines) + "\n"


def play(there, folder, headers=()):
    (folder / "api.json").write_text(json.dumps(description(bool(headers), there.names())))
    (folder / "schemathesis.toml").write_text(settings(headers))
    command = [PROGRAM, "--config-file", folder / "schemathesis.toml", "run", folder / "api.json", "--url",
               f"http://127.0.0.1:{there.server.port}", "--checks", "all"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False,
                          env={**os.environ, "NO_COLOR": "1", "COLUMNS": "140"})
    (folder / "schemathesis.log").write_text(done.stdout + done.stderr)
    return done


@pytest.mark.parametrize("with_keys", [False, True], ids=["without keys", "with keys"])
def test_the_api_is_as_it_is_described(worlds, tmp_path, with_keys):
    assert PROGRAM.exists(), "schemathesis is not there; `./dev test` installs it from tests/requirements.txt"
    changes = situations.REPORTS
    headers = {}
    if with_keys:
        auth = json.dumps({"mode": "keys", "keys": situations.KEYS})
        changes += f"auth: {auth}\nserver: {{ trusted_proxies: [127.0.0.1] }}\n"
        headers = situations.bearer("all")
    there = situations.Situation(worlds.start(changes), headers).load_example()
    done = play(there, tmp_path, headers)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    cases = int(re.search(r"(\d+) generated", done.stdout)[1])
    assert cases > 1000, "so few requests say nothing"
    assert there.server.is_alive() and there.server.get("/livez").status == 200
    assert not [line for line in there.server.log if '"event":"error"' in line], "nothing went wrong inside"
    statuses = [json.loads(line)["status"] for line in there.server.log if '"event":"request"' in line]
    assert statuses.count(200) > len(statuses) / 10 and 429 not in statuses, "most requests got somewhere"
    assert (401 in statuses) == with_keys
