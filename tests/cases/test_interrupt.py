"""Ctrl-C during a load: rolled back, told, and the ledger says `interrupted`."""

import json
import os
import signal
import sqlite3
import subprocess
import time

ROWGATE = os.environ["ROWGATE"]


def test_an_interrupted_load_leaves_nothing(tmp_path):
    with open(tmp_path / "people.csv", "w", encoding="ascii") as file:
        file.write("id,name\n")
        file.writelines(f"{i},Person {i}\n" for i in range(2_000_000))
    target = ["--to", "sqlite:people.db"]
    load = subprocess.Popen([ROWGATE, "load", "people.csv", "--table", "people", *target], cwd=tmp_path,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # off in background jobs
    folder = tmp_path / "people.db.rowgate"
    while not list(folder.glob("**/run_*")) and load.poll() is None:  # the run has begun
        time.sleep(0.01)
    time.sleep(0.2)
    load.send_signal(signal.SIGINT)
    _, said = load.communicate(timeout=60)
    assert load.returncode == 130, said
    assert b"run.interrupted" in said
    listed = subprocess.run([ROWGATE, "runs", "list", "--json", *target], cwd=tmp_path, capture_output=True, check=True)
    assert [run["status"] for run in json.loads(listed.stdout)["items"]] == ["interrupted"]
    tables = sqlite3.connect(tmp_path / "people.db").execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'people'").fetchall()
    assert tables == []
