"""The README's requests do what it says, and a real browser's form does the same."""

import json
import pathlib
import re
import subprocess
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPARTMENTS_ABOVE_MEAN = "id,department,hired\r\n1,Archive,155\r\n2,Bookkeeping,141\r\n4,Dispatch,137\r\n6,Foundry,135\r\n3,Carpentry,121\r\n"


def requests_of_the_readme():
    """Two lists of curl lines: of the original API and of /v1."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## The same over HTTP")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S)
    return [[line for line in block.splitlines() if line.startswith("curl ")] for block in blocks]


def run(server, line):
    line = line.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{server.port}").replace("curl ", "curl -sS ", 1)
    done = subprocess.run(["bash", "-c", line], cwd=server.folder, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def download(server, text):
    link = json.loads(text)["presigned-url"]
    answer = server.get(link[link.index("/d/"):])
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv")
    return answer.text


def check_reports(server, first, second):
    by_quarter = download(server, first)
    assert by_quarter.startswith("department,job,Q1,Q2,Q3,Q4\r\n") and by_quarter.count("\r\n") > 100
    assert download(server, second) == DEPARTMENTS_ABOVE_MEAN


def test_curl(server):
    original, own = requests_of_the_readme()
    assert len(original) == 5 and len(own) == 4
    answers = [run(server, line) for line in original]
    assert answers[:3] == ["Data loaded succesfully!"] * 3
    assert len(server.rows("hired_employees")) == 1994
    check_reports(server, *answers[3:])
    loaded, runs, report, link = [run(server, line) for line in own]
    assert json.loads(loaded)["rows"] == {"read": 12, "accepted": 12, "rejected": 0, "skipped": 0, "inserted": 0, "updated": 12}
    assert [item["table"] for item in json.loads(runs)["items"] if item["kind"] == "load"] == \
        ["departments", "hired_employees", "jobs", "departments"]
    assert report == DEPARTMENTS_ABOVE_MEAN
    assert json.loads(link)["rows"] == 5


FORM = """<!DOCTYPE html>
<form method="post" enctype="multipart/form-data" action="{action}"><input type="file" name="file"></form>
<script>
  const files = new DataTransfer();
  files.items.add(new File([{text}], "{name}", {{ type: "text/csv" }}));
  document.querySelector("input").files = files.files;
  document.querySelector("form").submit();
</script>
"""


@pytest.mark.parametrize("action", ["/db_migration?table={table}&schema=test_db", "/v1/tables/{table}/loads"])
def test_form_of_a_browser(start, tmp_path, action):
    server = start('server: { cors: { origins: ["null"] } }')  # what a page of a file says it is
    for table in ("departments", "jobs", "hired_employees"):
        text = (server.folder / f"{table}.csv").read_text(encoding="utf-8")
        page = tmp_path / f"{table}.html"
        page.write_text(FORM.format(action=f"http://127.0.0.1:{server.port}{action.format(table=table)}",
                                    text=json.dumps(text), name=f"{table}.csv"), encoding="utf-8")
        shown = subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                f"--user-data-dir={tmp_path}/browser", "--virtual-time-budget=20000", "--dump-dom",
                                f"file://{urllib.parse.quote(str(page))}"],
                               capture_output=True, check=True, timeout=120).stdout.decode()
        assert "Data loaded succesfully!" in shown or '"status":"succeeded' in shown, shown
    assert len(server.rows("hired_employees")) == 1994
    check_reports(server, server.get("/first_sql_requirement").text, server.get("/second_sql_requirement").text)
