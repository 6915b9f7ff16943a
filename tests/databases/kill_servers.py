"""Kills rowgate, and the database server, at random moments of loads into MariaDB and PostgreSQL.

Each round begins with the same table, loads a file of good rows in one of the three modes, kills the one or the other with
SIGKILL at a random moment, and checks that
  - the table (count and sums of its columns), its version and the ledger tell one story: before the load, or after it,
  - readers that looped meanwhile saw the one or the other, never a half and never no table,
  - a load that said that it succeeded is there,
  - the next load works and leaves no staging table behind.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).parents[2] / "tools"), str(pathlib.Path(__file__).parents[1])]
import servers  # noqa: E402
from watching import tell_progress  # noqa: E402

BASE, MORE = 2_000, 60_000
MODES = ("append", "replace", "upsert")
ENGINES = {"mysql": servers.mariadb, "postgresql": servers.postgresql}


def rows(first, count, factor):
    return [(n, n * factor % 1000, f"name {n}") for n in range(first, first + count)]


def csv_text(of):
    return "id,n,name\n" + "".join(f"{a},{b},{c}\n" for a, b, c in of)


def sums(of):
    return [len(of), sum(row[0] for row in of), sum(row[1] for row in of)]


class Database:
    """A server that can be killed and started again on the same data."""

    def __init__(self, start, folder):
        self.server, self.url = start(folder)
        self.arguments, self.folder = self.server.process.args, folder
        self.user = "postgres" if self.url.startswith("postgresql") else "mysql"

    def kill(self):
        self.server.process.kill()
        self.server.process.wait()

    def start_again(self):
        log = self.folder / "log"
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        if self.user == "postgres":  # its children die with it, a moment later
            time.sleep(0.5)
            (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
        self.server = servers.Server(self.arguments, log, environment, **servers.as_user(self.user))

    def stop(self):
        self.server.stop()


class Failure(Exception):
    pass


class KillTest:
    def __init__(self, rowgate, folder, database, seed):
        self.rowgate, self.folder, self.database, self.random = str(rowgate), folder, database, random.Random(seed)
        folder.mkdir()
        (folder / "rowgate.yaml").write_text(json.dumps({
            "database": {"url": database.url, "password": {"env": "DB_PASSWORD"}},
            "tables": {"people": {"schema": {"primaryKey": ["id"], "fields": [
                {"name": "id", "type": "integer"}, {"name": "n", "type": "integer"},
                {"name": "name", "type": "string", "constraints": {"maxLength": 40}}]}}},
            "reports": {"look": {"sql": "SELECT COUNT(*) AS a, SUM(id) AS b, SUM(n) AS c FROM people"},
                        "ledger": {"sql": "SELECT COUNT(*) FROM rowgate_runs WHERE status = 'succeeded' AND phase = ''"}}}),
            encoding="ascii")
        base, more, every = rows(1, BASE, 3), rows(1_000_001, MORE, 7), rows(1, MORE, 7)
        self.files = {"base": base, "append": more, "replace": every, "upsert": every}
        for name, content in self.files.items():
            (folder / f"{name}.csv").write_text(csv_text(content), encoding="ascii")
        self.before = sums(base)
        self.after = {"append": sums(base + more), "replace": sums(every), "upsert": sums(every)}
        self.looks = self.cut = 0  # kills that met a running load

    def run(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "DB_PASSWORD": servers.PASSWORD}
        return subprocess.run([self.rowgate, *arguments], cwd=self.folder, env=environment, capture_output=True, timeout=120,
                              check=False)

    def must(self, *arguments):
        done = self.run(*arguments)
        if done.returncode != 0:
            raise Failure(f"{arguments}: {done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode()

    def load(self, name, mode):
        """The statement of a rowgate that was killed may go on for a while, and hold the table's lock."""
        arguments = ("load", f"{name}.csv", "--table", "people", "--mode", mode, "--yes", "--quiet")
        end = time.monotonic() + 60
        while b"table.busy" in (done := self.run(*arguments)).stderr and time.monotonic() < end:
            time.sleep(0.2)
        if done.returncode != 0:
            raise Failure(f"{arguments}: {done.stdout.decode()}{done.stderr.decode()}")

    def look(self):
        done = self.run("report", "look", "--format", "csv")
        if done.returncode != 0:
            return done.stderr.decode()
        return [int(cell) for cell in done.stdout.decode().splitlines()[1].split(",")]

    def state(self):
        self.must("runs")  # settles what a killed one left between its steps
        table = json.loads(self.must("tables", "people", "--json"))
        succeeded = int(self.must("report", "ledger", "--format", "csv").splitlines()[1])
        return table["version"], succeeded

    def round(self, number, kill_server):
        mode = MODES[number % len(MODES)]
        self.load("base", "replace")
        version, succeeded = self.state()
        seen, stop = [], threading.Event()

        def watch():
            while not stop.is_set():
                seen.append(self.look())

        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "DB_PASSWORD": servers.PASSWORD}
        process = subprocess.Popen([self.rowgate, "load", f"{mode}.csv", "--table", "people", "--mode", mode, "--yes", "--quiet"],
                                   cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            process.wait(self.random.uniform(0, 1.1) * self.seconds[mode])
        except subprocess.TimeoutExpired:
            self.cut += 1
            if kill_server:
                self.database.kill()
                stop.set()
                watcher.join()
                self.database.start_again()
            else:
                process.kill()
        process.wait(120)
        stop.set()
        watcher.join()
        told = process.returncode == 0
        end = time.monotonic() + 60
        while isinstance(now := self.look(), str):
            if time.monotonic() > end:
                raise Failure(f"the server does not come back: {now}")
            time.sleep(0.1)
        new_version, new_succeeded = self.state()
        loaded = new_succeeded - succeeded
        wanted = self.after[mode] if loaded else self.before
        if self.look() != wanted or new_version - version != loaded or loaded not in (0, 1) or (told and not loaded):
            raise Failure(f"{mode}: {self.look()} instead of {wanted}, version {version} to {new_version}, {loaded} runs, "
                          f"told {told}: {process.stderr.read().decode()}")
        for look in seen:
            if look in (self.before, self.after[mode]) or (kill_server and isinstance(look, str)):
                continue
            raise Failure(f"{mode}: a reader saw {look}")
        self.looks += len(seen)
        self.load("base", "replace")
        if self.look() != self.before:
            raise Failure(f"{mode}: the next load does not work")
        left = self.must("tables", "--json")
        if "__rg_" in left or self.staging_tables():
            raise Failure(f"{mode}: left behind: {self.staging_tables()}")

    def staging_tables(self):
        (self.folder / "staging.yaml").write_text(json.dumps({
            "database": {"url": self.database.url, "password": {"env": "DB_PASSWORD"}},
            "reports": {"staging": {"sql": "SELECT table_name FROM information_schema.tables WHERE table_name LIKE "
                                           "'%rg$_run%' ESCAPE '$'"}}}), encoding="ascii")
        return self.must("-c", "staging.yaml", "report", "staging", "--format", "csv").splitlines()[1:]

    def measure(self):
        self.seconds = {}
        for mode in MODES:
            self.load("base", "replace")
            begin = time.perf_counter()
            self.load(mode, mode)
            self.seconds[mode] = time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rowgate", required=True, type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=100, help="of rowgate, shared by the engines")
    parser.add_argument("--server-kills", type=int, default=20, help="of the servers, likewise")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    held = looks = cut = 0
    engines = arguments.engine or list(ENGINES)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-kills."))
    folder.chmod(0o711)
    (folder / "tls").mkdir()
    servers.make_certificates(folder / "tls")
    for name in engines:
        database = Database(ENGINES[name], folder / name)
        try:
            test = KillTest(arguments.rowgate.resolve(), folder / f"{name}-work", database, arguments.seed)
            test.measure()
            for number in range(-(-arguments.kills // len(engines))):
                test.round(number, False)
                held += 1
                tell_progress(held, arguments.kills + arguments.server_kills)
            for number in range(-(-arguments.server_kills // len(engines))):
                test.round(number, True)
                held += 1
                tell_progress(held, arguments.kills + arguments.server_kills)
            looks += test.looks
            cut += test.cut
        finally:
            database.stop()
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    print(f"{held} kills held, {cut} of them while the load ran, {looks} looks of readers")


if __name__ == "__main__":
    main()
