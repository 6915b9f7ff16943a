"""Figures of rowgate, each with its ratio to a baseline that is measured in the same run.

  python3 tools/bench.py [FILTER]     FILTER: a part of a figure's name, for example "sqlite"

In memory: scanning, parsing and checking 1,000,000 rows like those of hired_employees, against memchr over the same bytes
for line ends. On disk: `rowgate load` against `sqlite3 .import`, both as whole commands, into the same typed table with
the same primary key, journal_mode and synchronous. Medians of several rounds; machines are noisy, so trust the ratios.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
ROWS = 1_000_000
ROUNDS = 7
CONFIG = """
database: { url: sqlite:./rowgate.db }
storage: { url: file:./files, spool: ./spool }
tables:
  hired_employees:
    schema:
      fieldsMatch: equal
      primaryKey: [id]
      fields:
        - { name: id, type: integer, constraints: { required: true, minimum: 1 } }
        - { name: name, type: string, constraints: { maxLength: 200 } }
        - { name: datetime, type: datetime, constraints: { minimum: "2000-01-01T00:00:00Z" } }
        - { name: department_id, type: integer, constraints: { minimum: 1 } }
        - { name: job_id, type: integer, constraints: { minimum: 1 } }
"""
IMPORT = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE hired_employees (id INTEGER NOT NULL, name TEXT, datetime TEXT, department_id INTEGER, job_id INTEGER,
  PRIMARY KEY (id)) STRICT;
.mode csv
.import --skip 1 hired_employees.csv hired_employees
"""


def write_hired(path, rows):
    """Rows like those of the example, ids ascending, always the same."""
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("id,name,datetime,department_id,job_id\n")
        for i in range(1, rows + 1):
            mixed = i * 2654435761 % 4294967296
            file.write(f"{i},Name{mixed % 9973} Surname{mixed % 7919},20{10 + mixed % 13:02}-{1 + mixed % 12:02}-"
                       f"{1 + mixed % 28:02}T{mixed % 24:02}:{mixed % 60:02}:{mixed % 59:02}Z,{1 + mixed % 12},"
                       f"{1 + mixed % 183}\n")


def in_memory(program, filter_text):
    """Rates by name of a Google Benchmark program, medians of its repetitions."""
    answer = subprocess.run([BUILD / program, "--benchmark_format=json", f"--benchmark_repetitions={ROUNDS}",
                             "--benchmark_report_aggregates_only=true", f"--benchmark_filter={filter_text}"],
                            check=True, capture_output=True)
    text = answer.stdout.decode()
    if not text.strip():
        return {}
    rates = {}
    for item in json.loads(text)["benchmarks"]:
        if item.get("aggregate_name") == "median":
            rates[item["run_name"]] = item
    return rates


def print_in_memory():
    rates = in_memory("csv_bench", ".*") | in_memory("table_bench", ".*")
    base = rates["Baseline/memchr"]["bytes_per_second"]
    print(f"{'in memory, one thread, by CPU time':<40}{'MB/s':>10}{'M rows/s':>10}{'x memchr':>10}")
    for name, item in rates.items():
        rows = item.get("items_per_second")
        print(f"  {name:<38}{item['bytes_per_second'] / 1e6:>10,.0f}"
              f"{rows / 1e6 if rows else 0:>10.1f}{item['bytes_per_second'] / base:>10.2f}")


def seconds_of(command, where, stdin=None):
    begin = time.perf_counter()
    subprocess.run(command, cwd=where, input=stdin, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def remove_database(where):
    for path in where.glob("*.db*"):
        path.unlink()


def count_of(where, database):
    answer = subprocess.run(["sqlite3", database, "SELECT count(*) FROM hired_employees"], cwd=where, check=True,
                            capture_output=True)
    return int(answer.stdout)


def print_sqlite():
    with tempfile.TemporaryDirectory(prefix="rowgate-bench-") as folder:
        where = pathlib.Path(folder)
        (where / "rowgate.yaml").write_text(CONFIG, encoding="ascii")
        write_hired(where / "hired_employees.csv", ROWS)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            remove_database(where)
            theirs.append(seconds_of(["sqlite3", "import.db"], where, IMPORT.encode()))
            assert count_of(where, "import.db") == ROWS
            remove_database(where)
            ours.append(seconds_of([BUILD / "rowgate", "load", "hired_employees.csv"], where))
            assert count_of(where, "rowgate.db") == ROWS
        ratio = statistics.median(their / our for their, our in zip(theirs, ours))
        print(f"{'SQLite, 1,000,000 rows, whole commands':<40}{'seconds':>10}{'M rows/s':>10}")
        for name, seconds in (("sqlite3 .import", theirs), ("rowgate load", ours)):
            middle = statistics.median(seconds)
            print(f"  {name:<38}{middle:>10.2f}{ROWS / middle / 1e6:>10.2f}")
        print(f"  rowgate load is {ratio:.2f} times as fast as sqlite3 .import (median of {ROUNDS} pairs; target 1.5)")


def main():
    filter_text = sys.argv[1] if len(sys.argv) > 1 else ""
    if filter_text in "in memory scan parse check":
        print_in_memory()
    if filter_text in "sqlite load import":
        print_sqlite()


if __name__ == "__main__":
    main()
