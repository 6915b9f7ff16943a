"""The original API, byte for byte."""

import pytest

from server import form

LOAD = "/db_migration"
CSV = {"Content-Type": "text/csv"}


def load(server, table, body=None, append=None, **more):
    body = (server.folder / f"{table}.csv").read_bytes() if body is None else body
    query = f"?table={table}&schema=test_db" + (f"&append={append}" if append else "")
    return server.post(LOAD + query, body, **more)


def is_line(answer, status, text):
    assert (answer.status, answer.text) == (status, text)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("query, text", [
    ("", "Table and schema are required parameters"),
    ("?table=&schema=", "Table and schema are required parameters"),
    ("?table=jobs", "Schema is a required parameter"),
    ("?table=jobs&schema=", "Schema is a required parameter"),
    ("?schema=test_db", "Table is a required parameter"),
    ("?table=jobs&schema=payroll", "Unknown schema: payroll"),
    ("?table=jobs&schema=%01%1b", "Unknown schema: \\x01\\x1b"),
    ("?table=jobs&schema=" + "s" * 100, "Unknown schema: " + "s" * 80 + "..."),
    ("?table=a%22b&schema=test_db", 'Unknown table: a"b'),
    ("?table=..%2F..%2Fetc&schema=test_db", "Unknown table: ../../etc"),
    ("?table=%2e%2e&schema=test_db", "Unknown table: .."),
    ("?table=jobs%3B+DROP+TABLE+jobs&schema=test_db", "Unknown table: jobs; DROP TABLE jobs"),
    ("?table=rowgate_runs&schema=test_db", "Unknown table: rowgate_runs"),
])
def test_parameters(server, query, text):
    is_line(server.post(LOAD + query, b"id,job\n1,Glazier\n"), 400, text)
    assert server.rows("jobs") == []


@pytest.mark.parametrize("body", [b"", b"id,job\n", b"id,job", b"\n\n", b"id,job\r\n\r\n"])
def test_no_data(server, body):
    assert load(server, "jobs").status == 200
    before = server.rows("jobs")
    is_line(load(server, "jobs", body), 400, "Cannot find data to upload")
    assert server.rows("jobs") == before, "a file without rows replaces nothing"


@pytest.mark.parametrize("as_form", [False, True])
def test_the_example(start, as_form):
    server = start()
    for table, rows in (("departments", 12), ("jobs", 183), ("hired_employees", 2000)):
        data = (server.folder / f"{table}.csv").read_bytes()
        body, kind = form(("file", f"{table}.csv", data)) if as_form else (data, "text/csv")
        answer = load(server, table, body, headers={"Content-Type": kind})
        is_line(answer, 200, "Data loaded succesfully!")
        refused = 6 if table == "hired_employees" else 0
        assert answer.headers["Rowgate-Rows"] == f"read={rows}, accepted={rows - refused}, rejected={refused}"
        run = answer.headers["Rowgate-Run"]
        assert f"</v1/runs/{run}>" in answer.headers["Link"]
        assert server.get(f"/v1/runs/{run}").json["rows"]["accepted"] == rows - refused
    for path, lines in (("/first_sql_requirement", None), ("/second_sql_requirement", 6)):
        answer = server.get(path)
        assert answer.status == 200 and set(answer.json) == {"message", "presigned-url"}
        url = answer.json["presigned-url"]
        csv = server.get(url[url.index("/d/"):])
        assert csv.status == 200 and csv.headers["Content-Type"].startswith("text/csv")
        assert lines is None or len(csv.text.splitlines()) == lines
        assert lines is not None or csv.text.splitlines()[0] == "department,job,Q1,Q2,Q3,Q4"


@pytest.mark.parametrize("append", ["true", "True", "1"])
def test_appending_the_same_again(server, append):
    assert load(server, "jobs").status == 200
    answer = load(server, "jobs", append=append)
    assert answer.status == 422
    assert answer.text.startswith("183 of 183 rows were refused; nothing was loaded. First: line 2, ")
    assert len(server.rows("jobs")) == 183


@pytest.mark.parametrize("append", ["false", "yes", "TRUE", ""])
def test_everything_else_replaces(server, append):
    assert load(server, "jobs").status == 200
    assert load(server, "jobs", b"id,job\n1,Glazier\n", append=append).status == 200
    assert server.rows("jobs") == [(1, "Glazier")]


def test_ten_megabytes(server):
    head = b"id,job\n"
    assert load(server, "jobs").status == 200
    before = server.rows("jobs")
    line = b"x" * 1023 + b"\n"
    body = head + line * ((10 * 1024 * 1024 - len(head)) // len(line) + 1)
    is_line(load(server, "jobs", body[:10 * 1024 * 1024 + 1]), 413, "The file is larger than 10 MB.")
    chunks = (body[i:i + 65536] for i in range(0, len(body), 65536))
    is_line(load(server, "jobs", chunks), 413, "The file is larger than 10 MB.")
    assert server.rows("jobs") == before


def test_a_batch_limit(start):
    server = start("compat: { max_rows: 3 }")
    is_line(load(server, "jobs", b"id,job\n1,a\n2,b\n\n3,c\n4,d\n"), 400,
            "Batch insert available for files from 1 up to 3 rows. The file provided has 4 rows.")
    is_line(load(server, "jobs", b"id,job\n1,a\n2,b\n3,c\n"), 200, "Data loaded succesfully!")


def test_other_media_types(server):
    body = b"id,job\n1,Glazier\n"
    assert load(server, "jobs", body, headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 200
    assert load(server, "jobs", body, headers={"Content-Type": "application/json"}).status == 415


def test_tables_that_are_not_configured(start):
    server = start()
    body = b"code,since\n1,2021-01-01\n2,\n"
    is_line(load(server, "grades", body), 200, "Data loaded succesfully!")
    assert server.get("/v1/tables/grades").json["rows"] == 2
    schema = server.get("/v1/tables/grades/schema").json
    assert [field["type"] for field in schema["fields"]] == ["integer", "date"]
    server.stop()
    again = start()
    assert again.get("/v1/tables/grades/schema").json == schema, "it survives a restart"
    answer = load(again, "grades", b"code,since\nx,2021-01-01\n", append="true")
    assert answer.status == 422, "and rows are judged by it"
    is_line(load(again, "grades", b"code,since\nx,2021-01-01\n"), 200, "Data loaded succesfully!")
    assert again.rows("grades") == [("x", "2021-01-01")]


def test_tables_are_not_made_where_that_is_off(start):
    server = start("compat: { create_tables: false }")
    is_line(load(server, "grades", b"code\n1\n"), 400, "Unknown table: grades")


def test_switched_off(start):
    server = start("compat: { enabled: false }")
    assert load(server, "jobs", b"id,job\n1,Glazier\n").status == 404
    assert server.get("/first_sql_requirement").status == 404


def test_any_origin_may_call(start):
    server = start('compat: { cors: "*" }')
    answer = load(server, "jobs", headers={"Origin": "https://app.example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
