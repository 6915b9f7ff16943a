"""A file that somebody writes to while it is loaded."""

import os
import pathlib
import sqlite3
import subprocess
import time

import pytest

ROWGATE = os.environ.get("ROWGATE", str(pathlib.Path(__file__).parents[2] / "build/release/rowgate"))
ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def changes(path):
    content = path.read_bytes()
    return {
        "grows": content + b"999999,late\n",
        "shrinks": content[:-20],
        "is overwritten": content.replace(b"BADID,", b"OTHER,"),
    }


@pytest.mark.parametrize("how", ["grows", "shrinks", "is overwritten"])
def test_a_file_that_changes_fails_its_load(tmp_path, how):
    """The load has read the head of the file and waits for the database when the file changes."""
    config = tmp_path / "rowgate.yaml"
    config.write_text("""
database: { url: "sqlite:./rowgate.db" }
storage: { url: "file:./files", spool: ./spool }
tables:
  events:
    schema: { fields: [{ name: id, type: integer }, { name: name, type: string }] }
""")
    first = tmp_path / "first.csv"
    first.write_text("id,name\n0,first\n")
    subprocess.run([ROWGATE, "load", first, "--table", "events"], cwd=tmp_path, check=True, capture_output=True, env=ENVIRONMENT)

    path = tmp_path / "events.csv"
    path.write_text("id,name\n" + "".join(f"{i},name {i}\n" for i in range(1, 50000)) + "BADID,x\n50001,last\n")
    with sqlite3.connect(tmp_path / "rowgate.db", isolation_level=None) as database:
        database.execute("BEGIN IMMEDIATE")
        process = subprocess.Popen([ROWGATE, "load", path, "--table", "events"], cwd=tmp_path, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        end = time.monotonic() + 10
        while not list((tmp_path / "spool/runs").glob("*.json")):
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(0.3)  # it waits for the lock now
        path.write_bytes(changes(path)[how])
        os.utime(path, ns=(time.time_ns(), time.time_ns()))
        database.execute("ROLLBACK")
    said = process.communicate(timeout=30)
    assert process.returncode == 1, said
    assert "error[file.changed]" in said[1] and "load a copy of the file" in said[1], said
    rows = sqlite3.connect(tmp_path / "rowgate.db").execute("SELECT * FROM events").fetchall()
    assert rows == [(0, "first")]
