"""The refused rows of a run, exported, repaired as a person would, and loaded again."""

import json
import os
import pathlib
import sqlite3
import subprocess

import pytest

ROWGATE = os.environ["ROWGATE"]

PEOPLE = """
limits: { max_rejects: 90% }
tables:
  people:
    dialect: { DIALECT }
    schema:
      primaryKey: [id]
      fields:
        - { name: id, type: integer, constraints: { required: true } }
        - { name: name, type: string }
"""


class Repair:
    def __init__(self, folder, dialect):
        self.folder = folder
        (folder / "rowgate.yaml").write_text(PEOPLE.replace("DIALECT", dialect), encoding="utf-8")

    def rowgate(self, *arguments, exit_code=0):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        answer = subprocess.run([ROWGATE, *arguments], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=60, check=False)
        assert answer.returncode == exit_code, f"{arguments}\n{answer.stdout.decode()}{answer.stderr.decode()}"
        return answer

    def load(self, name, *flags, exit_code=0):
        answer = self.rowgate("load", name, "--table", "people", "--json", *flags, exit_code=exit_code)
        return json.loads(answer.stdout)

    def export(self, run, name="out.csv"):
        self.rowgate("rejects", "export", run["id"], "--output", name)
        return (self.folder / name).read_bytes()

    def rejects(self, run):
        answer = self.rowgate("rejects", "export", run["id"], "--format", "jsonl")
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def rows(self):
        connection = sqlite3.connect(self.folder / "data" / "rowgate.db")
        try:
            return connection.execute("SELECT * FROM people ORDER BY id").fetchall()
        finally:
            connection.close()

    def write(self, name, content):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


CLEAN = [(1, "Ada"), (2, "Bob, the \"first\""), (3, "=1+1"), (4, "'tis"), (5, "-5"), (6, "two\nlines"), (7, None)]


@pytest.mark.parametrize("delimiter, flags, dialect", [
    (",", [], ""),
    (";", [], ""),
    ("|", [], "delimiter: '|'"),
    ("\t", [], ""),
    ("#", ["--delimiter", "#"], ""),
])
def test_repaired_rejects_make_the_clean_table(tmp_path, delimiter, flags, dialect):
    """Promise P4: what was refused stands in the export as it was, whatever the dialect of the file."""
    work = Repair(tmp_path, dialect)

    def cell(text):
        return "" if text is None else '"' + text.replace('"', '""') + '"'

    lines = ["id,name".replace(",", delimiter), f"100{delimiter}Zoe"]
    lines += [f"x{number}{delimiter}{cell(name)}" for number, name in CLEAN]  # the id has a letter too many
    work.write("people.csv", "\n".join(lines) + "\n")
    first = work.load("people.csv", *flags)
    assert first["rows"] == {"read": 8, "accepted": 1, "rejected": 7, "skipped": 0}
    work.write("out.csv", work.export(first).replace(b"\r\nx", b"\r\n"))
    second = work.load("out.csv")  # without any flag of the first load
    assert second["rows"] == {"read": 7, "accepted": 7, "rejected": 0, "skipped": 0}
    assert second["parent"] == first["id"]
    assert work.rows() == [*CLEAN, (100, "Zoe")]


def test_a_file_without_header_gets_one(tmp_path):
    work = Repair(tmp_path, "header: false, delimiter: ';', quoteChar: \"'\"")
    work.write("people.csv", "1;Ada\nx2;'Bob; the ''first'''\nx3;Cle'o\n")
    first = work.load("people.csv")
    out = work.export(first)
    assert out.startswith(b"id;name;rg_run;rg_line;")
    work.write("out.csv", out.replace(b"\r\nx2", b"\r\n2").replace(b"'x3;Cle''o'", b"3;Cleo"))
    second = work.load("out.csv", exit_code=0)
    assert second["rows"]["rejected"] == 1  # the delimiter in rg_raw lost its quotes
    work.write("out.csv", out.replace(b"\r\nx2", b"\r\n4").replace(b"'x3;Cle''o'", b"'3;Cleo'"))
    assert work.load("out.csv")["rows"]["rejected"] == 0
    assert work.rows() == [(1, "Ada"), (2, "Bob; the 'first'"), (3, "Cleo"), (4, "Bob; the 'first'")]


def test_the_map_of_the_first_load_is_used_again(tmp_path):
    work = Repair(tmp_path, "")
    work.write("people.csv", "key,full name\n1,Ada\nx2,Bob\n")
    first = work.load("people.csv", "--map", "key:id,full name:name")
    work.write("out.csv", work.export(first).replace(b"\r\nx2", b"\r\n2"))
    second = work.load("out.csv")
    assert second["parent"] == first["id"]
    assert work.rows() == [(1, "Ada"), (2, "Bob")]


def test_a_run_that_a_cell_names_leads_to_no_other_file(tmp_path):
    work = Repair(tmp_path, "")
    header = "id,name,rg_run,rg_line,rg_codes,rg_fields,rg_message,rg_raw\n"
    work.write("out.csv", header + "1,Ada,../../../people,2,rule.required,id,x,\n")
    work.load("out.csv")
    assert work.rows() == [(1, "Ada")]


def test_the_text_of_a_whole_record_is_judged_as_the_first_time(tmp_path):
    work = Repair(tmp_path, "")
    many = ",".join(["7"] * 8)  # as many fields as the reject file has columns
    work.write("people.csv", f"id,name\n1,Ada\n2,Bob,x\n3\n4,\"Cle\"o\n{many}\n")
    first = work.load("people.csv")
    codes = ["record.too_many_fields", "record.too_few_fields", "csv.stray_quote", "record.too_many_fields"]
    assert [record["errors"][0]["code"] for record in work.rejects(first)] == codes
    work.export(first)
    second = work.load("out.csv", exit_code=3)
    again = work.rejects(second)
    assert [record["errors"][0]["code"] for record in again] == codes
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    for record in again:  # the place is that of rg_raw in the reject file
        error = record["errors"][0]
        if error["code"] != "csv.stray_quote":
            assert lines[error["line"] - 1][error["column"] - 1 :].strip('"') in ("2,Bob,x", "3", many)
    assert work.rows() == [(1, "Ada")]
    assert work.export(second, "again.csv").replace(second["id"].encode(), first["id"].encode()).count(b"2,Bob,x") == 1


def test_a_file_that_is_repaired_is_not_proposed_as_the_next_output(tmp_path):
    work = Repair(tmp_path, "")
    work.write("people.csv", "id,name\n1,Ada\nx2,Bob\n")
    first = work.load("people.csv")
    work.export(first, "repair.csv")
    answer = work.rowgate("load", "repair.csv", "--table", "people", exit_code=3)
    assert b"--output repair2.csv" in answer.stderr
    assert pathlib.Path(tmp_path / "repair.csv").exists()
