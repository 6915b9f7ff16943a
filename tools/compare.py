"""Whether a build is slower than an earlier one: the figures of docs/performance.md by both, in turns.

  python3 tools/compare.py OLD NEW [FILTER...] [--pairs 15]

OLD and NEW are build folders with rowgate, csv_bench, table_bench and runs_bench (`ninja -C build/release rowgate csv_bench
table_bench runs_bench`). FILTER: a part of figures' names; all by default, which takes most of an hour. For each figure the
medians of both and the median of the pairs' ratios new / old, so more than 1 is slower or larger. Which of the two goes first
changes from pair to pair.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import bench
import bench_databases
import bench_http
import memory
import servers

NOTEWORTHY = 1.03  # a ratio above this is marked
MEMORY_MIB = 100


class InMemory:
    """Scanning, parsing and checking, on one core."""

    name, unit = "in memory", "CPU s/GB"

    def __init__(self, _folder, _build):
        pass

    def measure(self, build):
        figures = {}
        for program in ("csv_bench", "table_bench"):
            answer = subprocess.run([build / program, "--benchmark_format=json"], check=True, capture_output=True,
                                    preexec_fn=bench.pin)
            for item in json.loads(answer.stdout)["benchmarks"]:
                if not item["name"].startswith("Baseline"):
                    figures[f"in memory: {item['name']}"] = 1e9 / item["bytes_per_second"]
        return figures


class Sqlite:
    name, unit = "sqlite", "s"

    def __init__(self, folder, build):
        bench.BUILD = build
        self.loads = bench.SqliteLoads(folder)

    def measure(self, build):
        bench.BUILD = build
        wall, cpu = self.loads.load()
        return {"sqlite: load, wall": wall, "sqlite: load, CPU": cpu}


class Shapes(Sqlite):
    name = "shapes"

    def __init__(self, folder, build):
        super().__init__(folder, build)
        self.names = bench.write_shapes(folder)

    def measure(self, build):
        bench.BUILD = build
        self.loads.load()
        seconds = {f"shapes: {mode} of all rows": self.loads.load_again(mode)[1] for mode in ("upsert", "replace")}
        return seconds | {f"shapes: {name}": self.loads.load(f"{name}.csv")[1] for name in self.names}


class Memory:
    name, unit = "memory", "MiB or s"

    def __init__(self, folder, build):
        memory.BUILD = build
        self.folder = folder
        memory.rowgate(["init", "--example", "hr"], folder)
        memory.rowgate(["load", "departments.csv", "jobs.csv"], folder)
        memory.write_shuffled(folder / memory.FILE, MEMORY_MIB * 1024 * 1024)
        self.before = (folder / "data/rowgate.db").read_bytes()

    def measure(self, build):
        memory.BUILD = build
        bench.remove_database(self.folder / "data")
        (self.folder / "data/rowgate.db").write_bytes(self.before)
        figures = {}
        for command, (arguments, _) in memory.COMMANDS.items():
            seconds, peak = memory.rowgate(arguments, self.folder)
            figures |= {f"memory: {command}, peak": peak, f"memory: {command}, CPU": seconds}
        return figures


class Http:
    name, unit = "http", "ms"

    def __init__(self, folder, _build):
        self.folder = folder

    def measure(self, build):
        rate, seconds = bench_http.loads_by_http(build / "rowgate", self.folder)
        seconds.sort()
        engine = bench_http.loads_by_engine(build)
        return {"http: a load of 4 clients": 1e3 / rate, "http: p50": seconds[len(seconds) // 2] * 1e3,
                "http: a load without a server": 1e3 / engine}


class Upload:
    name, unit = "upload", "CPU s/GB"

    def __init__(self, _folder, _build):
        block = bench_http.rows_of(7)[len(bench_http.HEADER):]
        piece = (block * (bench_http.PIECE_BYTES // len(block) + 1))[:bench_http.PIECE_BYTES]
        self.pieces = [piece] * (bench_http.UPLOAD_BYTES // bench_http.PIECE_BYTES)

    def measure(self, build):
        return {"upload: 1 GiB": bench_http.upload(build / "rowgate", self.pieces) / (bench_http.UPLOAD_BYTES / 1e9)}


class Servers:
    name, unit = "mysql postgresql", "s"

    def __init__(self, folder, build):
        self.folder = folder
        folder.chmod(0o755)
        bench_databases.write_file(folder / "people.csv", bench_databases.ROWS)
        self.stack = contextlib.ExitStack()
        variables = self.stack.enter_context(servers.running())
        self.engines = []
        for kind in (bench_databases.MySql, bench_databases.PostgreSql):
            url = variables[f"TESTDB_{kind.name.upper()}"]
            config = {"database": {"url": url, "password": {"env": "DB_PASSWORD"}},
                      "tables": {"people": {"schema": {"primaryKey": ["id"], "fields": bench_databases.FIELDS}}}}
            (folder / f"{kind.name}.yaml").write_text(json.dumps(config), encoding="ascii")
            self.engines.append(kind(url, folder))
            self.load(build, kind.name)  # makes the table

    def load(self, build, name):
        command = [build / "rowgate", "-c", f"{name}.yaml", "load", "people.csv", "--table", "people", "--quiet"]
        return bench_databases.timed(lambda: subprocess.run(
            command, cwd=self.folder, env={**os.environ, "DB_PASSWORD": servers.PASSWORD}, check=True, capture_output=True))

    def measure(self, build):
        figures = {}
        for engine in self.engines:
            engine.sql("TRUNCATE TABLE people")
            figures[f"{engine.name}: load, wall"] = self.load(build, engine.name)
        return figures

    def close(self):
        self.stack.close()


def compare(group, builds, pairs):
    """A list of ratios, and of both builds' values, for each figure."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="rowgate-compare-") as folder:
        measured = group(pathlib.Path(folder), builds[0])
        try:
            for number in range(pairs):
                of = {}
                for build in builds if number % 2 else reversed(builds):
                    of[build] = measured.measure(build)
                old, new = (of[build] for build in builds)
                for name, value in old.items():
                    figures.setdefault(name, []).append((value, new[name]))
        finally:
            if hasattr(measured, "close"):
                measured.close()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("filter", nargs="*")
    parser.add_argument("--pairs", type=int, default=15)
    arguments = parser.parse_args()
    builds = [arguments.old.resolve(), arguments.new.resolve()]
    print(f"{'':<46}{'old':>10}{'new':>10}{'new/old':>10}")
    # A child's peak begins with what this process has, so what needs little here comes first.
    for group in (Memory, InMemory, Sqlite, Shapes, Http, Upload, Servers):
        if arguments.filter and not any(word in group.name for word in arguments.filter):
            continue
        figures = compare(group, builds, arguments.pairs)
        for name, values in figures.items():
            old, new = (statistics.median(pair[i] for pair in values) for i in (0, 1))
            ratio = statistics.median(pair[1] / pair[0] for pair in values)
            mark = "  <--" if ratio > NOTEWORTHY else ""
            print(f"{name + ', ' + group.unit:<46}{old:>10.3f}{new:>10.3f}{ratio:>10.3f}{mark}", flush=True)


if __name__ == "__main__":
    main()
