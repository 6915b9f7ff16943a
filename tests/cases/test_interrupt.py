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


def test_a_killed_load_is_told_to_its_own_database(tmp_path):
    """And not to the next one that has the same spool."""
    (tmp_path / "rowgate.yaml").write_text("""
database: { url: "sqlite:./one.db" }
storage: { url: "file:./files", spool: ./spool }
tables: { people: { schema: { fields: [{ name: id, type: integer }] } } }
""")
    (tmp_path / "people.csv").write_text("id\n1\n")

    def call(database, *arguments, code=0):
        done = subprocess.run([ROWGATE, *arguments], cwd=tmp_path, check=False, capture_output=True, text=True,
                              env={**os.environ, "ROWGATE_DATABASE__URL": f"sqlite:./{database}.db"})
        assert done.returncode == code, done
        return done.stdout + done.stderr

    def load(database):
        call(database, "load", "people.csv")

    def ledger(database):
        with sqlite3.connect(tmp_path / f"{database}.db") as there:
            return [status for (status,) in there.execute("SELECT status FROM rowgate_runs ORDER BY status")]

    for database in ("one", "two"):
        load(database)
    with sqlite3.connect(tmp_path / "one.db", isolation_level=None) as held:
        held.execute("BEGIN IMMEDIATE")
        killed = subprocess.Popen([ROWGATE, "load", "people.csv"], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not any(path.stat().st_size > 0 for path in (tmp_path / "spool/runs").glob("run_*.json")):
            assert killed.poll() is None
            time.sleep(0.01)
        killed.kill()
        killed.wait()
        held.execute("ROLLBACK")
    run, = (path.stem for path in (tmp_path / "spool/runs").glob("run_*.json"))
    assert "interrupted" in call("one", "runs") and "interrupted" not in call("two", "runs")
    assert "was begun for another database" in call("two", "runs", "settle", run, code=1)
    load("two")
    assert ledger("two") == ["succeeded", "succeeded"]
    load("one")
    assert ledger("one") == ["interrupted", "succeeded", "succeeded"]
