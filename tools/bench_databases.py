"""`rowgate load` against the servers' own client loaders, into the same empty table from the same file, by wall time.

Called by tools/bench.py (`./dev bench mysql postgresql`). The commands take turns; the ratio is the median of the pairs'.
For the record also, once, pandas with INSERTs of 200 rows into MySQL: what services in Python do that nobody has made fast.
"""

import json
import os
import random
import statistics
import subprocess
import tempfile
import time
import pathlib

import servers

ROWS = 1_000_000
ROUNDS = 5
TARGET_RATIO = 1.10  # of the client's time
PANDAS = pathlib.Path(__file__).resolve().parent.parent / "build" / "bench-venv" / "bin" / "python"
FIELDS = [{"name": "id", "type": "integer", "constraints": {"required": True, "minimum": 1}},
          {"name": "name", "type": "string", "constraints": {"maxLength": 200}},
          {"name": "datetime", "type": "datetime", "constraints": {"minimum": "2000-01-01T00:00:00Z"}},
          {"name": "department_id", "type": "integer", "constraints": {"minimum": 1}},
          {"name": "job_id", "type": "integer", "constraints": {"minimum": 1}}]


def write_file(path, rows):
    """Rows like those of hired_employees, in a form that every loader takes as it is."""
    dice = random.Random(1)
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("id,name,datetime,department_id,job_id\n")
        for number in range(1, rows + 1):
            day, second = dice.randrange(1, 29), dice.randrange(86_400)
            file.write(f"{number},Person {dice.randrange(10 ** 6)} Example,2021-{dice.randrange(1, 13):02}-{day:02}T"
                       f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02},{dice.randrange(1, 13)},"
                       f"{dice.randrange(1, 184)}\n")


def parts(url):
    host, _, database = url.partition("@")[2].partition("/")
    return url.partition("://")[2].partition("@")[0], host.partition(":")[2], database


class MySql:
    name, client = "mysql", "mariadb LOAD DATA LOCAL"

    def __init__(self, url, folder):
        user, port, database = parts(url)
        self.url, self.file = f"mysql://{user}:{servers.PASSWORD}@127.0.0.1:{port}/{database}", f"{folder}/people.csv"
        self.command = ["mariadb", "--no-defaults", "--local-infile=1", "-h127.0.0.1", f"-P{port}", f"-u{user}",
                        f"-p{servers.PASSWORD}", database]
        self.load = (f"LOAD DATA LOCAL INFILE '{folder}/people.csv' INTO TABLE people CHARACTER SET utf8mb4 FIELDS TERMINATED "
                     "BY ',' OPTIONALLY ENCLOSED BY '\"' LINES TERMINATED BY '\\n' IGNORE 1 LINES")

    def sql(self, text):
        return subprocess.run([*self.command, "-N", "-e", text], check=True, capture_output=True, text=True).stdout.strip()

    def client_load(self):
        self.sql(self.load)

    def pandas_load(self):
        subprocess.run([PANDAS, pathlib.Path(__file__).with_name("pandas_to_sql.py"), self.url, self.file, "people"], check=True)


class PostgreSql:
    name, client = "postgresql", "psql \\copy"

    def __init__(self, url, folder):
        self.command = ["psql", "-X", "-q", "-t", "-A", url]
        self.load = f"\\copy people FROM '{folder}/people.csv' CSV HEADER"

    def sql(self, text):
        return subprocess.run([*self.command, "-c", text], check=True, capture_output=True, text=True,
                              env={**os.environ, "PGPASSWORD": servers.PASSWORD, "PGTZ": "UTC"}).stdout.strip()

    def client_load(self):
        self.sql(self.load)


def timed(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def print_one(engine, rowgate, folder, rows):
    load = [str(rowgate), "-c", f"{engine.name}.yaml", "load", "people.csv", "--table", "people", "--quiet"]
    environment = {**os.environ, "DB_PASSWORD": servers.PASSWORD}
    run = lambda: subprocess.run(load, cwd=folder, env=environment, check=True, capture_output=True)  # noqa: E731
    run()  # makes the table
    ours, theirs = [], []
    for number in range(ROUNDS):
        for is_ours in ((True, False) if number % 2 else (False, True)):
            engine.sql("TRUNCATE TABLE people")
            (ours if is_ours else theirs).append(timed(run if is_ours else engine.client_load))
            if engine.sql("SELECT COUNT(*) FROM people") != str(rows):
                raise SystemExit(f"{engine.name}: rows are missing")
    for name, times in (("rowgate load", ours), (engine.client, theirs)):
        print(f"  {name:30} {min(times):6.2f} s best, {statistics.median(times):6.2f} s median, "
              f"{rows / statistics.median(times):12,.0f} rows/s")
    if isinstance(engine, MySql):
        engine.sql("TRUNCATE TABLE people")
        seconds = timed(engine.pandas_load)
        print(f"  {'pandas to_sql, 200 rows each':30} {seconds:6.2f} s, {rows / seconds:28,.0f} rows/s, "
              f"{seconds / statistics.median(ours):.1f} times as long as rowgate load")
        if engine.sql("SELECT COUNT(*) FROM people") != str(rows):
            raise SystemExit("pandas: rows are missing")
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print(f"  rowgate load takes {ratio:.2f} times as long as {engine.client} (target: at most {TARGET_RATIO})")


def print_databases(rowgate, wanted):
    with tempfile.TemporaryDirectory(prefix="rowgate-bench.") as scratch, servers.running() as variables:
        folder = pathlib.Path(scratch)
        folder.chmod(0o755)
        write_file(folder / "people.csv", ROWS)
        for kind in (MySql, PostgreSql):
            if kind.name not in wanted:
                continue
            url = variables[f"TESTDB_{kind.name.upper()}"]
            config = {"database": {"url": url, "password": {"env": "DB_PASSWORD"}},
                      "tables": {"people": {"schema": {"primaryKey": ["id"], "fields": FIELDS}}}}
            (folder / f"{kind.name}.yaml").write_text(json.dumps(config), encoding="ascii")
            print(f"{ROWS:,} rows of {(folder / 'people.csv').stat().st_size / ROWS:.0f} bytes into {kind.name}, every row "
                  f"checked")
            print_one(kind(url, folder), rowgate, folder, ROWS)
