"""Figures of rowgate, each with its ratio to a baseline that is measured in the same run.

  python3 tools/bench.py [FILTER]     FILTER: sqlite, shapes, http, mysql, postgresql, or a part of an in-memory
                                      figure's name, as parse

In memory, by CPU time on one core: scanning, parsing and checking 1,000,000 rows like those of hired_employees, against
memchr over the same bytes for line ends. On disk: `rowgate load` against `sqlite3 .import`, both as whole commands and
by wall time, into the same typed table with the same primary key, journal_mode and synchronous. The commands take
turns; the ratio is the median of the pairs' ratios. Then the same rows in other shapes, by CPU time, against the clean
file. `http` is told in tools/bench_http.py, `mysql` and `postgresql` in tools/bench_databases.py. Machines are noisy, so
trust the ratios.
"""

import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import bench_databases
import bench_http

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "release"
ROWS = 1_000_000
ROUNDS = 7
SHAPE_ROUNDS = 3
TARGET_CHECKED_ROWS = 20e6  # parsed and checked in a CPU second, AVX2
TARGET_LOAD_RATIO = 1.5
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
SYNCHRONOUS = "NORMAL"  # what rowgate loads with
IMPORT = """
PRAGMA page_size={page_size};
PRAGMA journal_mode={journal_mode};
PRAGMA synchronous={synchronous};
{table}
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


def pin():
    """Keeps the process that is about to start on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def medians_of(program):
    """By name of a Google Benchmark program's figures, medians of its repetitions. The first is the baseline."""
    answer = subprocess.run([BUILD / program, "--benchmark_format=json", f"--benchmark_repetitions={ROUNDS}",
                             "--benchmark_report_aggregates_only=true"],
                            check=True, capture_output=True, preexec_fn=pin)
    items = [item for item in json.loads(answer.stdout)["benchmarks"] if item["aggregate_name"] == "median"]
    failed = [item["run_name"] for item in items if item.get("error_occurred")]
    if failed:
        raise SystemExit(f"{program}: {', '.join(failed)} failed")
    return {item["run_name"]: item for item in items}


def print_in_memory(filter_text):
    print(f"{'in memory, one core, by CPU time':<42}{'MB/s':>10}{'M rows/s':>10}{'x memchr':>10}{'x scalar':>10}")
    for program in ("csv_bench", "table_bench"):
        figures = medians_of(program)
        base = figures["Baseline/memchr"]["bytes_per_second"]
        for name, item in figures.items():
            if filter_text not in name.lower() and not name.startswith("Baseline"):
                continue
            rate = item["bytes_per_second"]
            scalar = figures.get(name.replace("/avx2", "/scalar")) if name.endswith("/avx2") else None
            times = f"{rate / scalar['bytes_per_second']:>10.2f}" if scalar else ""
            print(f"  {name:<40}{rate / 1e6:>10,.0f}{item['items_per_second'] / 1e6:>10.1f}{rate / base:>10.2f}{times}")
        checked = figures.get("ParseAndCheck/avx2")
        if checked:
            print(f"  parsed and checked with AVX2: {checked['items_per_second'] / 1e6:.1f} million rows per CPU second "
                  f"(target {TARGET_CHECKED_ROWS / 1e6:.0f})")


def time_of(command, where, stdin=None):
    """Wall seconds and CPU seconds of a command that must succeed."""
    begin, cpu_begin = time.perf_counter(), os.times()
    subprocess.run(command, cwd=where, input=stdin, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end, cpu_end = time.perf_counter(), os.times()
    return end - begin, (cpu_end.children_user + cpu_end.children_system -
                         cpu_begin.children_user - cpu_begin.children_system)


def remove_database(where):
    for path in where.glob("*.db*"):
        path.unlink()


def ask(where, database, sql):
    answer = subprocess.run(["sqlite3", database, sql], cwd=where, check=True, capture_output=True)
    return answer.stdout.decode().strip()


class SqliteLoads:
    """The commands that are compared, in a folder with the file that they load."""

    def __init__(self, where):
        self.where = where
        (where / "rowgate.yaml").write_text(CONFIG, encoding="ascii")
        write_hired(where / "hired_employees.csv", ROWS)
        self.load()
        self.table = ask(where, "rowgate.db", ".schema hired_employees")
        self.journal_mode = ask(where, "rowgate.db", "PRAGMA journal_mode")
        self.page_size = ask(where, "rowgate.db", "PRAGMA page_size")

    def load(self, file="hired_employees.csv"):
        remove_database(self.where)
        seconds = self.load_again("append", file)
        counts = ask(self.where, "rowgate.db", "SELECT rows_read, (SELECT count(*) FROM hired_employees) + rows_rejected "
                                               "FROM rowgate_runs")
        assert counts == f"{ROWS}|{ROWS}", counts
        return seconds

    def load_again(self, mode, file="hired_employees.csv"):
        return time_of([BUILD / "rowgate", "load", file, "--table", "hired_employees", "--mode", mode, "--yes"], self.where)

    def import_with(self, page_size):
        remove_database(self.where)
        script = IMPORT.format(page_size=page_size, journal_mode=self.journal_mode, synchronous=SYNCHRONOUS,
                               table=self.table)
        seconds = time_of(["sqlite3", "import.db"], self.where, script.encode())
        assert ask(self.where, "import.db", "SELECT count(*) FROM hired_employees") == str(ROWS)
        assert ask(self.where, "import.db", "PRAGMA journal_mode") == self.journal_mode
        return seconds


def write_shapes(where):
    """The rows of hired_employees.csv in other shapes: names of the files and what they are."""
    header, *rows = (where / "hired_employees.csv").read_text(encoding="ascii").splitlines()
    shuffled = rows[:]
    random.Random(1).shuffle(shuffled)
    shapes = {
        "all fields quoted": ['"' + row.replace(",", '","') + '"' for row in rows],
        "1 row in 1,000 with a stray quote": [row if i % 1000 else row.replace("Name", 'Na"me') for i, row in enumerate(rows)],
        "1 row in 12 with a bad id": [row if i % 12 else "x" + row for i, row in enumerate(rows)],
        "1 row in 20 a doubled key": [row if i % 20 else rows[i // 2] for i, row in enumerate(rows)],
        "keys shuffled": shuffled,
    }
    for name, lines in shapes.items():
        (where / f"{name}.csv").write_text("\n".join([header, *lines, ""]), encoding="ascii")
    return list(shapes)


def print_shapes():
    with tempfile.TemporaryDirectory(prefix="rowgate-bench-") as folder:
        where = pathlib.Path(folder)
        loads = SqliteLoads(where)
        times = {}
        names = write_shapes(where)
        for _ in range(SHAPE_ROUNDS):
            times.setdefault("clean", []).append(loads.load()[1])
            for mode in ("upsert", "replace"):
                times.setdefault(f"clean, {mode} of all rows", []).append(loads.load_again(mode)[1])
            for name in names:
                times.setdefault(name, []).append(loads.load(f"{name}.csv")[1])
        print(f"{f'SQLite, {ROWS:,} rows in other shapes':<42}{'CPU s':>10}{'M rows/s':>10}{'x slower':>10}")
        for name, seconds in times.items():
            middle = statistics.median(seconds)
            ratio = statistics.median(other / clean for other, clean in zip(seconds, times["clean"]))
            print(f"  {name:<40}{middle:>10.2f}{ROWS / middle / 1e6:>10.2f}{ratio:>10.2f}")


def print_sqlite():
    with tempfile.TemporaryDirectory(prefix="rowgate-bench-") as folder:
        loads = SqliteLoads(pathlib.Path(folder))
        ours, theirs, theirs_paged = [], [], []
        for _ in range(ROUNDS):
            theirs.append(loads.import_with(4096))
            ours.append(loads.load())
            theirs_paged.append(loads.import_with(loads.page_size))
        print(f"{f'SQLite, {ROWS:,} rows, whole commands':<42}{'seconds':>10}{'CPU s':>10}{'M rows/s':>10}{'x slower':>10}")
        for name, times in (("rowgate load", ours), ("sqlite3 .import", theirs),
                            (f"sqlite3 .import, page_size {loads.page_size}", theirs_paged)):
            wall, cpu = (statistics.median(pair[i] for pair in times) for i in (0, 1))
            ratio = statistics.median(other[0] / our[0] for other, our in zip(times, ours))
            print(f"  {name:<40}{wall:>10.2f}{cpu:>10.2f}{ROWS / wall / 1e6:>10.2f}{ratio:>10.2f}")
        ratio = statistics.median(their[0] / our[0] for their, our in zip(theirs, ours))
        print(f"  rowgate load is {ratio:.2f} times as fast as sqlite3 .import, journal_mode {loads.journal_mode}, "
              f"synchronous {SYNCHRONOUS} (median of {ROUNDS} pairs, target {TARGET_LOAD_RATIO})")


def main():
    given = [word.lower() for word in sys.argv[1:]]
    databases = [word for word in given if word in ("mysql", "postgresql")]
    wanted = next((word for word in given if word not in databases), "databases" if databases else "")
    if databases or not wanted:
        bench_databases.print_databases(BUILD / "rowgate", databases or ["mysql", "postgresql"])
    if wanted not in ("sqlite", "shapes", "http", "databases"):
        print_in_memory(wanted)
    if wanted in ("", "sqlite"):
        print_sqlite()
    if wanted in ("", "shapes"):
        print_shapes()
    if wanted in ("", "http"):
        bench_http.print_http(BUILD)


if __name__ == "__main__":
    main()
