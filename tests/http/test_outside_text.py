"""Text from outside that ends up in the ledger: names of files, parameters, ids of runs."""

import contextlib
import json
import pathlib
import sqlite3
import subprocess
import urllib.parse

import pytest
from worlds import spool_files

CSV = b"id,department\n900,X\n"
JSON = {"Content-Type": "application/json"}
REPORTS = ("reports: { echo: { params: { x: { type: string } }, columns: [x, n], sql: 'SELECT :x AS x, length(:x) AS n' } }")


def form(filename):
    head = b'--B\r\nContent-Disposition: form-data; name="f"; filename="' + filename + b'"\r\n\r\n'
    return head + CSV + b"\r\n--B--\r\n", {"Content-Type": "multipart/form-data; boundary=B"}


@pytest.mark.parametrize("filename, stored", [
    (b"caf\xe9.csv", "caf\ufffd.csv"), ("\U0001d11e".encode() * 300, "\U0001d11e" * 255), (b"a\x00b.csv", "a\ufffdb.csv"),
    ("\u00e9".encode() * 255, "\u00e9" * 255)])
def test_the_name_of_a_file_in_a_form(server, filename, stored):
    body, headers = form(filename)
    answer = server.post("/v1/tables/departments/loads", body, headers)
    if b"\x00" in filename and answer.status == 400:
        return  # the form's own rules
    assert answer.status == 200, answer
    assert answer.json["file"]["name"] == stored
    assert server.get(f"/v1/runs/{answer.json['id']}").json["file"]["name"] == stored


def test_a_long_name_in_the_address_is_cut_at_a_character(server):
    name = urllib.parse.quote("\U0001d11e" * 300)
    answer = server.post(f"/v1/tables/departments/loads?name={name}", CSV)
    assert (answer.status, answer.json["file"]["name"]) == (200, "\U0001d11e" * 255)


@pytest.mark.parametrize("value", ["a\x00b", "\x00", "x" * 4097], ids=["nul", "only nul", "long"])
def test_a_parameter_that_cannot_be_kept(start, value):
    server = start(REPORTS)
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    answer = server.post("/v1/reports/echo/links", json.dumps({"params": {"x": value}}).encode(), JSON)
    assert answer.status == 400 and answer.json["code"] == "report.bad_parameter", answer
    assert server.get("/v1/links").json["items"] == []
    fine = server.post("/v1/reports/echo/links", json.dumps({"params": {"x": "x" * 4096}}).encode(), JSON)
    assert fine.status == 201


def descriptors(server):
    return len(list(pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir()))


def test_a_run_that_the_ledger_refuses_is_recorded_without_its_text(server):
    """It is in nobody's way, and nothing is left open for it."""
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    with contextlib.closing(sqlite3.connect(server.folder / "data" / "rowgate.db")) as database, database:
        database.execute("CREATE TRIGGER picky BEFORE INSERT ON rowgate_runs WHEN NEW.file_name = 'refused.csv' "
                         "BEGIN SELECT RAISE(ABORT, 'not such a name'); END")
    before = descriptors(server)
    for number in range(1, 21):
        body = b"id,department\n%d,Department %d\n" % (number, number)
        assert server.post("/v1/tables/departments/loads?name=refused.csv", body).status == 500
    assert server.post("/v1/tables/departments/loads?name=fine.csv", b"id,department\n901,Y\n").status == 200
    assert spool_files(server.folder) == [] and descriptors(server) - before < 10
    runs = [(run["status"], run["file"]["name"]) for run in server.get("/v1/runs").json["items"]]
    assert runs == [("succeeded", "fine.csv"), *[("failed", "")] * 20, ("succeeded", "departments.csv")], runs
    assert server.rows("departments") == [(900, "X"), (901, "Y")]


def repaired(run, number):
    """A file of one record that says which run refused it."""
    return (f'id,department,rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw\n'
            f'{number},Repaired {number},"{run}",2,,,,\n').encode()


@pytest.mark.parametrize("named", ["x" * 5000, "\x1b[31mred", "run_" + "0" * 26, "run_../../../../etc/passwd-0000"],
                         ids=["long", "escape", "unknown", "path"])
def test_the_run_that_a_file_names_must_be_there(loaded, named):
    answer = loaded.post("/v1/tables/departments/loads", repaired(named, 901))
    assert answer.status == 200, answer
    assert answer.json["parent"] is None
    warnings = answer.json["warnings"]
    assert ["rg_run" in warning["message"] for warning in warnings].count(True) == 1, warnings
    assert "\x1b" not in answer.text and "x" * 300 not in answer.text


def test_the_run_that_a_file_names_must_be_of_its_table(loaded):
    other = loaded.post("/v1/tables/jobs/loads", b"id,job\n9001,A job of its own\n").json["id"]
    own = loaded.post("/v1/tables/departments/loads", b"id,department\n902,Y\n").json["id"]
    for number, run, parent in ((903, other, None), (904, own, own)):
        answer = loaded.post("/v1/tables/departments/loads", repaired(run, number))
        assert (answer.status, answer.json["parent"]) == (200, parent), answer


@pytest.mark.parametrize("name", ["%F0%9F%98%80", "a%01b", "n" * 200])
def test_names_that_no_table_can_have(server, name):
    for path in ("", "/rows", "/schema", "/template.csv"):
        answer = server.get(f"/v1/tables/{name}{path}")
        assert (answer.status, answer.slug) == (404, "unknown-table"), answer
    assert server.post(f"/v1/tables/{name}/loads", CSV).status == 404
    assert server.get(f"/v1/runs?table={name}").status == 404
    assert server.post(f"/db_migration?table={name}&schema=test_db", CSV).text.startswith("Unknown table: ")


def test_a_header_is_not_a_variable(start, tmp_path):
    rowgate = start().rowgate
    (tmp_path / "leak.csv").write_text("${MY_SECRET},b\n1,2\n")
    (tmp_path / "rowgate.yaml").unlink()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "MY_SECRET": "hunter2", "LC_ALL": "C.UTF-8"}

    def run(*arguments):
        return subprocess.run([rowgate, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True,
                              check=False)

    assert run("init", "leak.csv").returncode == 0
    shown = run("tables", "leak", "--json")
    assert shown.returncode == 0 and "hunter2" not in shown.stdout and "${MY_SECRET}" in shown.stdout, shown
    del environment["MY_SECRET"]
    assert run("config", "check").returncode == 0, "nothing has to be set for a header"
    assert run("load", "leak.csv").returncode == 0
    text = (tmp_path / "rowgate.yaml").read_text()
    (tmp_path / "rowgate.yaml").write_text(text.replace("  leak:\n", "  leak:\n    title: 'costs $${5}, not $$${NOT_SET'\n", 1))
    titled = run("tables", "leak", "--json")
    assert json.loads(titled.stdout)["title"] == "costs ${5}, not $${NOT_SET", titled
    (tmp_path / "rowgate.yaml").write_text(text.replace("  leak:\n", "  leak:\n    title: '${NOT_SET}'\n", 1))
    assert run("config", "check").returncode == 2


def test_a_warning_of_a_run_names_no_path(start):
    server = start()
    folder = server.folder / "data" / "files" / "sources"
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("a file where the folder should be")
    answer = server.post("/v1/tables/departments/loads", CSV)
    assert answer.status == 200
    run = server.get(f"/v1/runs/{answer.json['id']}")
    for text in (answer.text, run.text, server.get("/v1/runs").text):
        assert str(server.folder) not in text, text
