"""The original API: its callers match on every one of these texts."""

import pytest

from conftest import DATA, TABLES


def is_line(answer, status, text):
    assert (answer.status, answer.text) == (status, text)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("query, text", [
    ("", "Table and schema are required parameters"),
    ("?table=&schema=", "Table and schema are required parameters"),
    ("?table=jobs", "Schema is a required parameter"),
    ("?schema={schema}", "Table is a required parameter"),
    ("?table=jobs&schema=payroll", "Unknown schema: payroll"),
    ("?table=1%20job&schema={schema}", "Unknown table: 1 job"),
    ("?table=jobs&schema={schema}&source=somewhere", None),
])
def test_what_is_missing_or_unknown(api, query, text):
    answer = api.post("/db_migration" + query.format(schema=api.schema), b"" if "source" in query else b"id,job\n1,Glazier\n")
    if text is None:  # a key of no source, or a server without a bucket
        assert answer.text == "Unknown source: somewhere" or answer.status == 409, answer
    else:
        is_line(answer, 400, text)


@pytest.mark.parametrize("body", [b"", b"id,job\n", b"id,job"])
def test_no_data(example, body):
    is_line(example.load_as_before("jobs", body), 400, "Cannot find data to upload")
    assert example.get("/v1/tables/jobs").json["rows"] == 183, "nothing is replaced by nothing"


def test_the_example_is_loaded(api):
    for table, rows, refused in (("departments", 12, 0), ("jobs", 183, 0), ("hired_employees", 2000, 6)):
        answer = api.load_as_before(table)
        is_line(answer, 200, "Data loaded succesfully!")
        assert answer.headers["Rowgate-Rows"] == f"read={rows}, accepted={rows - refused}, rejected={refused}"
        assert answer.headers["Rowgate-Run"] in answer.headers["Link"]
        assert api.get(f"/v1/tables/{table}").json["rows"] == rows - refused


def test_a_form_is_loaded_too(api):
    body = (b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"jobs.csv\"\r\nContent-Type: text/csv\r\n\r\n"
            + (DATA / "jobs.csv").read_bytes() + b"\r\n--edge--\r\n")
    answer = api.post(f"/db_migration?table=jobs&schema={api.schema}", body, {"Content-Type": "multipart/form-data; boundary=edge"})
    is_line(answer, 200, "Data loaded succesfully!")


def test_appending_the_same_again_is_refused(example):
    answer = example.load_as_before("jobs", append="true")
    assert answer.status == 422
    assert answer.text.startswith("183 of 183 rows were refused; nothing was loaded. First: line 2, "), answer
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_new_rows_are_appended_and_replaced_away(example):
    is_line(example.load_as_before("jobs", b"id,job\n900001,Lamplighter\n", append="true"), 200, "Data loaded succesfully!")
    assert example.get("/v1/tables/jobs").json["rows"] == 184
    is_line(example.load_as_before("jobs"), 200, "Data loaded succesfully!")
    assert example.get("/v1/tables/jobs").json["rows"] == 183


@pytest.mark.needs_max_rows
def test_more_rows_than_a_batch_may_have(example, request):
    most = request.config.getoption("--max-rows")
    body = b"id,job\n" + b"".join(b"%d,Job %d\n" % (number, number) for number in range(most + 1))
    is_line(example.load_as_before("jobs", body), 400,
            f"Batch insert available for files from 1 up to {most} rows. The file provided has {most + 1} rows.")


def test_more_bytes_than_a_request_may_have(example, limits):
    answer = example.load_as_before("jobs", b"id,job\n" + b"x" * limits["max_compat_bytes"])
    assert answer.status == 413
    assert answer.text.startswith("The file is larger than "), answer
    if "max_source_bytes" in limits:
        assert "POST /v1/sources" in answer.text, "the way out is named"
    assert example.get("/v1/tables/jobs").json["rows"] == 183


def report_behind(api, path):
    answer = api.get(path)
    assert answer.status == 200 and set(answer.json) == {"message", "presigned-url"}, answer
    assert answer.json["message"] == "Report generated succesfully!"
    csv = api.follow(answer.json["presigned-url"])
    assert csv.status == 200 and csv.headers["Content-Type"].startswith("text/csv"), csv
    return csv.text.splitlines()


def test_the_first_report(example):
    lines = report_behind(example, "/first_sql_requirement")
    assert lines[0] == "department,job,Q1,Q2,Q3,Q4"
    assert len(lines) == 1 + 1003
    rows = [line.rsplit(",", 4) for line in lines[1:]]
    assert sum(int(number) for row in rows for number in row[1:]) == HIRED_2021
    assert rows == sorted(rows, key=lambda row: row[0].casefold()), "by department, then by job"


def test_the_second_report(example):
    assert report_behind(example, "/second_sql_requirement") == [
        "id,department,hired", "1,Archive,155", "2,Bookkeeping,141", "4,Dispatch,137", "6,Foundry,135", "3,Carpentry,121"]


def test_both_reports_of_empty_tables_are_reports(api):
    """A table that never had a row, and one whose rows hire nobody."""
    for table in TABLES:
        assert api.load_as_before(table).status == 200
    body = b"id,name,datetime,department_id,job_id\n1,Ada Example,2020-05-04T10:00:00Z,1,1\n"
    assert api.load_as_before("hired_employees", body).status == 200
    assert report_behind(api, "/first_sql_requirement") == ["department,job,Q1,Q2,Q3,Q4"]
    assert report_behind(api, "/second_sql_requirement") == ["id,department,hired"]


HIRED_2021 = 1360
