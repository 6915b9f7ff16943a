"""Kills rowgate at random moments of a load and looks at what is left.

Each round starts from the same database, loads a file of 300,000 rows in one of the three modes, kills the process with
SIGKILL, and checks that
  - a reader that looped meanwhile saw the table as before the load or as after it, never half and never missing,
  - the table, its version and the ledger tell the same story,
  - the next load works, and names the killed run as interrupted unless it was committed.
"""

import argparse
import json
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

ROWS = 300_000
BASE_ROWS = 50_000
CONFIG = """
database: { url: sqlite:./data/rowgate.db }
storage: { url: file:./data/files, spool: ./data/spool }
tables:
  people:
    schema:
      fieldsMatch: equal
      primaryKey: [id]
      fields:
        - { name: id, type: integer, constraints: { required: true } }
        - { name: name, type: string, constraints: { maxLength: 60 } }
        - { name: generation, type: integer, constraints: { required: true } }
"""
MODES = ("append", "replace", "upsert")
# What count(*) and sum(generation) are before and after a whole load.
BEFORE = (BASE_ROWS, 0)
AFTER = {"append": (BASE_ROWS + ROWS, ROWS), "replace": (ROWS, ROWS), "upsert": (ROWS, ROWS)}


def write_people(path, first_id, count, generation):
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("id,name,generation\n")
        for i in range(first_id, first_id + count):
            file.write(f"{i},Person number {i * 7919 % 1000003},{generation}\n")


class Reader(threading.Thread):
    """Reads the table again and again; `seen` holds every distinct answer."""

    def __init__(self, database):
        super().__init__()
        self.database, self.seen, self.done = database, set(), threading.Event()
        self.reads = 0

    def run(self):
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        while not self.done.is_set():
            try:
                self.seen.add(connection.execute("SELECT count(*), sum(generation) FROM people").fetchone())
            except sqlite3.Error as error:
                self.seen.add(str(error))
            self.reads += 1
            time.sleep(0.002)
        connection.close()


class Failure(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Failure(message)


class KillTest:
    def __init__(self, rowgate, folder, seed):
        self.rowgate, self.folder, self.random = str(rowgate), folder, random.Random(seed)
        self.base = folder / "base"
        self.base.mkdir()
        (self.base / "rowgate.yaml").write_text(CONFIG, encoding="ascii")
        write_people(folder / "base.csv", 1, BASE_ROWS, 0)
        write_people(folder / "append.csv", 1_000_001, ROWS, 1)
        write_people(folder / "all.csv", 1, ROWS, 1)
        write_people(folder / "late.csv", 5_000_001, 10, 0)
        self.load(self.base, "base.csv", "append", check=True)
        self.seconds = {mode: self.time_of(mode) for mode in MODES}

    def command(self, file, mode):
        return [self.rowgate, "load", str(self.folder / file), "--table", "people", "--mode", mode, "--yes", "--quiet"]

    def load(self, where, file, mode, check=False):
        return subprocess.run(self.command(file, mode), cwd=where, check=check, capture_output=True)

    def file_of(self, mode):
        return "append.csv" if mode == "append" else "all.csv"

    def fresh(self):
        where = self.folder / "round"
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(self.base, where)
        return where

    def time_of(self, mode):
        where = self.fresh()
        begin = time.perf_counter()
        self.load(where, self.file_of(mode), mode, check=True)
        return time.perf_counter() - begin

    def kill_once(self, mode):
        """True when the process was killed before it ended by itself."""
        where = self.fresh()
        database = where / "data" / "rowgate.db"
        reader = Reader(database)
        reader.start()
        try:
            process = subprocess.Popen(self.command(self.file_of(mode), mode), cwd=where, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(self.random.uniform(0, self.seconds[mode] * 1.05))
            process.send_signal(signal.SIGKILL)
            killed = process.wait() == -signal.SIGKILL
        finally:
            reader.done.set()
            reader.join()
        allowed = {BEFORE, AFTER[mode]}
        expect(reader.seen <= allowed, f"{mode}: a reader saw {reader.seen - allowed}")
        self.check_story(database, mode)
        self.check_restart(where, database, mode)
        return killed

    def check_story(self, database, mode):
        connection = sqlite3.connect(database, timeout=30)
        table = connection.execute("SELECT count(*), sum(generation) FROM people").fetchone()
        version = connection.execute("SELECT version FROM rowgate_schema WHERE table_name = 'people'").fetchone()[0]
        runs = connection.execute("SELECT status, rows_accepted FROM rowgate_runs ORDER BY id").fetchall()
        integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
        leftovers = connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE '\\_\\_rg\\_%' ESCAPE '\\'").fetchall()
        connection.close()
        expect(integrity == "ok", f"{mode}: integrity_check says {integrity}")
        expect(not leftovers, f"{mode}: left over: {leftovers}")
        expect(table in (BEFORE, AFTER[mode]), f"{mode}: the table is half: {table}")
        loads = 2 if table == AFTER[mode] else 1
        expect(runs == [("succeeded", BASE_ROWS), ("succeeded", ROWS)][:loads],
               f"{mode}: table {table}, but the ledger says {runs}")
        expect(version == loads, f"{mode}: {loads} committed runs, but version {version}")

    def check_restart(self, where, database, mode):
        late = self.load(where, "late.csv", "append")
        expect(late.returncode == 0, f"{mode}: the load after the kill failed: {late.stderr.decode()}")
        listed = subprocess.run([self.rowgate, "runs", "list", "--json"], cwd=where, capture_output=True, check=True)
        runs = json.loads(listed.stdout)["items"]
        connection = sqlite3.connect(database)
        count = connection.execute("SELECT count(*) FROM people").fetchone()[0]
        connection.close()
        statuses = sorted(run["status"] for run in runs)
        loaded = sum(run["rows"]["accepted"] for run in runs if run["status"] == "succeeded")
        if mode == "append":
            expect(count == loaded, f"{mode}: {count} rows, but the ledger adds up to {loaded}: {statuses}")
        expect(set(statuses) <= {"succeeded", "interrupted"}, f"{mode}: a run is told as {statuses}")
        left = list((where / "data" / "spool" / "runs").glob("*"))
        expect(not left, f"{mode}: state files left: {left}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rowgate", type=pathlib.Path, default=pathlib.Path("build/release/rowgate"))
    arguments.add_argument("--kills", type=int, default=15)
    arguments.add_argument("--seed", type=int, default=None, help="of the moments; a new one each time when absent")
    options = arguments.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    kills = {mode: 0 for mode in MODES}
    ended = 0
    with tempfile.TemporaryDirectory(prefix="rowgate-kill-") as folder:
        test = KillTest(options.rowgate.resolve(), pathlib.Path(folder), seed)
        print("undisturbed: " + ", ".join(f"{mode} {test.seconds[mode]:.2f} s" for mode in MODES))
        try:
            while sum(kills.values()) < options.kills:
                mode = MODES[(sum(kills.values()) + ended) % 3]
                if test.kill_once(mode):
                    kills[mode] += 1
                else:
                    ended += 1
        except Failure as failure:
            print(f"FAILED after {sum(kills.values())} kills: {failure}; replay with --seed {seed}")
            return 1
    print(f"{sum(kills.values())} kills held: " + ", ".join(f"{n} {mode}" for mode, n in kills.items()) +
          f" ({ended} loads ended before their kill)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
