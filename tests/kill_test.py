"""Kills rowgate at random moments of a load and looks at what is left.

Each round starts from the same database, loads a file of 300,000 good rows and a few bad ones in one of the three modes,
kills the process with SIGKILL, and checks that
  - two readers that looped meanwhile, one with a connection of its own for each look and one that kept its connection,
    saw the table as before the load or as after it, never half, never missing, and never as before once it was as after,
  - the table (by the sums of its columns), its version and the ledger tell the same story, and the rejects of a
    committed load are all there,
  - the next load works, names the killed run as interrupted exactly if it had begun and was not committed, and clears
    its state away,
  - the killed load, done again if it was not committed, gives what it gives undisturbed.
A third of the kills falls anywhere into the time that the load takes. The others come when the database's log (its -wal
file) has grown to some part of what it grows to undisturbed: a third at any part, which is while the rows go through it,
and a third at the end of it, around the commit.
"""

import argparse
import csv
import json
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from people import SCHEMA_FIELDS, csv_text, full_look, people, quick_look, sums
from watching import DatabaseReader, Failure, Readers, expect, tell_progress

ROWS = 300_000
BASE_ROWS = 50_000
LATE_ROWS = 10
BAD_ROWS = 40
CONFIG = f"""
database: {{ url: sqlite:./data/rowgate.db }}
storage: {{ url: file:./data/files, spool: ./data/spool }}
tables:
  people:
    schema:
      fieldsMatch: equal
      primaryKey: [id]
      fields: {SCHEMA_FIELDS}"""
MODES = ("append", "replace", "upsert")
FILES = {"append": "append.csv", "replace": "all.csv", "upsert": "all.csv"}
QUICK_LOOK, FULL_LOOK = quick_look("people"), full_look("people")


def log_size(where):
    try:
        return (where / "data" / "rowgate.db-wal").stat().st_size
    except FileNotFoundError:
        return 0


class KillTest:
    def __init__(self, rowgate, folder, seed):
        self.rowgate, self.folder, self.random = str(rowgate), folder, random.Random(seed)
        self.looks = self.rounds = 0
        self.base = folder / "base"
        self.base.mkdir()
        (self.base / "rowgate.yaml").write_text(CONFIG, encoding="ascii")
        base, more, every = people(1, BASE_ROWS, 0), people(1_000_001, ROWS, 1), people(1, ROWS, 1)
        (folder / "base.csv").write_text(csv_text(base), encoding="ascii")
        (folder / "append.csv").write_text(csv_text(more, BAD_ROWS), encoding="ascii")
        (folder / "all.csv").write_text(csv_text(every, BAD_ROWS), encoding="ascii")
        (folder / "late.csv").write_text(csv_text(people(5_000_001, LATE_ROWS, 0)), encoding="ascii")
        self.before = sums(base)
        self.after = {"append": sums(base + more), "replace": sums(every), "upsert": sums(every)}
        self.load(self.base, "base.csv", "append", check=True)
        self.measured = {mode: self.undisturbed(mode) for mode in MODES}

    def command(self, file, mode):
        return [self.rowgate, "load", str(self.folder / file), "--table", "people", "--mode", mode, "--yes", "--quiet"]

    def load(self, where, file, mode, check=False):
        return subprocess.run(self.command(file, mode), cwd=where, check=check, capture_output=True)

    def fresh(self):
        where = self.folder / "round"
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(self.base, where)
        return where

    def start(self, where, mode):
        return subprocess.Popen(self.command(FILES[mode], mode), cwd=where, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def watched(self, where):
        return Readers([DatabaseReader(where / "data" / "rowgate.db", QUICK_LOOK, keeps_connection)
                        for keeps_connection in (True, False)])

    def undisturbed(self, mode):
        """Seconds and greatest size of the log of a load that is not killed, the readers looping as they do later."""
        where, most = self.fresh(), 0
        with self.watched(where):
            begin = time.perf_counter()
            process = self.start(where, mode)
            while process.poll() is None:
                most = max(most, log_size(where))
                time.sleep(0.0005)
            seconds = time.perf_counter() - begin
        expect(process.returncode == 0, f"{mode}: the undisturbed load ended with {process.returncode}")
        self.check_table(where, self.after[mode], mode)
        return seconds, most

    def wait(self, process, where, mode):
        """Until the moment to kill, or the end of the process."""
        self.rounds += 1
        seconds, most_bytes = self.measured[mode]
        kind = self.rounds // len(MODES) % 3
        if kind == 0:
            time.sleep(self.random.uniform(0, 1.05) * seconds)
            return
        part = self.random.uniform(0.001, 1) if kind == 1 else 1 - self.random.uniform(0, 0.01)
        while process.poll() is None and log_size(where) < part * most_bytes:
            time.sleep(0.0002)
        time.sleep(self.random.uniform(0, 0.02))

    def kill_once(self, mode):
        """None when the process ended before the kill, else whether its load was committed."""
        where = self.fresh()
        with self.watched(where) as readers:
            process = self.start(where, mode)
            self.wait(process, where, mode)
            process.send_signal(signal.SIGKILL)
            killed = process.wait() == -signal.SIGKILL
        self.check_readers(readers, mode)
        committed = self.check_story(where, mode)
        expect(killed or committed, f"{mode}: the load ended by itself, but it was not committed")
        self.check_restart(where, mode, committed)
        return committed if killed else None

    def check_readers(self, readers, mode):
        before, after = self.before[:2], self.after[mode][:2]
        for reader in readers:
            self.looks += reader.looks
            expect(reader.seen in ([before], [after], [before, after]), f"{mode}: a reader saw {reader.seen}")

    def check_table(self, where, expected, mode):
        connection = sqlite3.connect(where / "data" / "rowgate.db", timeout=30)
        found = connection.execute(FULL_LOOK).fetchone()
        connection.close()
        expect(found == expected, f"{mode}: the table is {found} where it should be {expected}")

    def check_story(self, where, mode):
        """Of table, version and ledger, as the kill left them. Tells whether the load was committed."""
        connection = sqlite3.connect(where / "data" / "rowgate.db", timeout=30)
        table = connection.execute(FULL_LOOK).fetchone()
        version = connection.execute("SELECT version FROM rowgate_schema WHERE table_name = 'people'").fetchone()[0]
        runs = connection.execute("SELECT id, status, rows_read, rows_accepted, rows_rejected, version_after "
                                  "FROM rowgate_runs ORDER BY id").fetchall()
        integrity = connection.execute("PRAGMA integrity_check").fetchone()[0]
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")]
        connection.close()
        expect(integrity == "ok", f"{mode}: integrity_check says {integrity}")
        expect(tables == ["people", "rowgate_runs", "rowgate_schema"], f"{mode}: the tables are {tables}")
        expect(table in (self.before, self.after[mode]), f"{mode}: the table is half: {table}")
        committed = table == self.after[mode]
        told = [("succeeded", BASE_ROWS, BASE_ROWS, 0, 1)]
        if committed:
            told.append(("succeeded_with_rejects", ROWS + BAD_ROWS, ROWS, BAD_ROWS, 2))
        expect([run[1:] for run in runs] == told, f"{mode}: table {table}, but the ledger says {runs}")
        expect(version == len(told), f"{mode}: {len(told)} committed runs, but version {version}")
        if committed:
            self.check_rejects(where, runs[-1][0], mode)
        return committed

    def check_rejects(self, where, run, mode):
        subprocess.run([self.rowgate, "rejects", "export", run, "--output", "rejects.csv", "--quiet"], cwd=where,
                       check=True, capture_output=True)
        with open(where / "rejects.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        expect(len(rows) == BAD_ROWS and all(row["id"].startswith("x") for row in rows),
               f"{mode}: the committed load has {len(rows)} rejects in its file")

    def check_restart(self, where, mode, committed):
        runs_folder = where / "data" / "spool" / "runs"
        begun = [path for path in runs_folder.glob("*") if path.stat().st_size > 0]
        late = self.load(where, "late.csv", "append")
        expect(late.returncode == 0, f"{mode}: the load after the kill failed: {late.stderr.decode()}")
        left = [path for path in runs_folder.glob("*") if path.suffix != ".new" or path.stat().st_size > 0]
        expect(not left, f"{mode}: state files left: {left}")
        listed = subprocess.run([self.rowgate, "runs", "list", "--json"], cwd=where, capture_output=True, check=True)
        statuses = sorted(run["status"] for run in json.loads(listed.stdout)["items"])
        expected = ["succeeded", "succeeded"]
        if committed:
            expected.append("succeeded_with_rejects")
        elif begun:
            expected.append("interrupted")
        expect(statuses == sorted(expected), f"{mode}: the runs are told as {statuses}, not {sorted(expected)}")
        if not committed:
            self.load(where, FILES[mode], mode, check=True)
        late_is_there = committed or mode != "replace"
        late_rows = sums(people(5_000_001, LATE_ROWS, 0)) if late_is_there else (0, 0, 0, 0)
        whole = tuple(one + other for one, other in zip(self.after[mode], late_rows))
        self.check_table(where, whole, mode)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rowgate", type=pathlib.Path, default=pathlib.Path("build/release/rowgate"))
    arguments.add_argument("--kills", type=int, default=15)
    arguments.add_argument("--seed", type=int, default=None, help="of the moments; a new one each time when absent")
    options = arguments.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    kills = {mode: [0, 0] for mode in MODES}  # before and after the commit
    done = ended = 0
    with tempfile.TemporaryDirectory(prefix="rowgate-kill-") as folder:
        test = KillTest(options.rowgate.resolve(), pathlib.Path(folder), seed)
        print("undisturbed: " + ", ".join(f"{mode} {test.measured[mode][0]:.2f} s, "
                                           f"log of {test.measured[mode][1] / 1e6:.0f} MB" for mode in MODES), flush=True)
        try:
            while done < options.kills:
                tell_progress(done, options.kills)
                mode = MODES[done % 3]
                committed = test.kill_once(mode)
                if committed is None:
                    ended += 1
                else:
                    kills[mode][committed] += 1
                    done += 1
        except Failure as failure:
            print(f"FAILED after {done} kills: {failure}; replay with --seed {seed}")
            return 1
    print(f"{done} kills held: " + ", ".join(f"{mode} {n} before its commit and {m} after" for mode, (n, m) in
                                             kills.items()) +
          f"; {ended} loads ended before their kill; the readers looked {test.looks:,} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
