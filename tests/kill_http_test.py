"""Kills a rowgate server at random moments of loads by HTTP, starts it again, repeats the requests, and looks.

One server works on one folder for the whole test. Each round sends up to four loads at once, of two tables (one with a
primary key, one without, where a load done twice would show), in the three modes, as plain bodies, gzip and forms, by /v1
and by the original API, with a time to wait that makes answers 200 or 202. The server is killed with SIGKILL
  body     while a file comes,
  queued   when a run waits for its turn,
  running  somewhere in a load,
  commit   when the rejects of a load were written, which is the step before its commit,
  answer   when a load has just been committed or the first answer has come,
  restart  in the middle of a load and then up to twice while it starts again.
Then it is started, and every request is sent again under its Idempotency-Key until it is answered 200, and twice more.
  - A run that was answered 200 or 202 before the kill is the one that loaded its file; a 202 needs no second request.
  - Every key has exactly one committed run in the ledger, and the versions of each table count its committed runs.
  - The tables hold what the ledger's loads give one after the other, to the last row.
  - Readers that looped meanwhile (two of the database, one of the API) saw the states between those loads, in order,
    and nothing else.
  - Rejects and received files are there whole for every committed run and for no other; the spool is empty, and no run is
    told as if it still went on.
"""

import argparse
import collections
import csv
import dataclasses
import gzip
import http.client
import io
import json
import os
import pathlib
import random
import sqlite3
import sys
import tempfile
import threading
import time

from people import SCHEMA_FIELDS, csv_text, full_look, people, quick_look, sums
from watching import DatabaseReader, Failure, Reader, Readers, expect, tell_progress

sys.path.insert(0, str(pathlib.Path(__file__).parent / "http"))
from server import Server, form  # noqa: E402

CONFIG = f"""
database: {{ url: sqlite:./data/rowgate.db }}
storage: {{ url: file:./data/files, spool: ./data/spool }}
compat: {{ schemas: {{ test_db: default }} }}
tables:
  people:
    schema:
      primaryKey: [id]
      fields: {SCHEMA_FIELDS}
  visits:
    schema:
      fields: {SCHEMA_FIELDS}
"""
TABLES = ("people", "visits")
MODES = {"people": ("append", "replace", "upsert"), "visits": ("append", "replace")}
FORMS = ("plain", "gzip", "form")
PHASES = ("body", "queued", "running", "commit", "answer", "restart")
BLOCK = 1_000_000  # ids of one file lie in a block of their own
SIZES = [1_000] * 4 + [5_000] * 8 + [30_000] * 6 + [250_000]  # the largest is more than SQLite's page cache holds
BAD_ROWS = 12
IN_FLIGHT = ("receiving", "queued", "running")
AT_LATEST = 60


@dataclasses.dataclass
class Load:
    key: str
    table: str
    mode: str
    block: int
    generation: int
    rows: int
    form: str
    door: str
    media_type: str = ""
    file: bytes = b""
    body: bytes = b""
    seconds_to_send: float = 0
    sent: int = 0
    answers: list = dataclasses.field(default_factory=list)

    def address(self):
        if self.door == "v1":
            return f"/v1/tables/{self.table}/loads?mode={self.mode}&name=people-{self.generation}.csv"
        return f"/db_migration?table={self.table}&schema=test_db&append={'true' if self.mode == 'append' else 'false'}"

    def headers(self):
        coding = {"Content-Encoding": "gzip"} if self.form == "gzip" else {}
        return {"Content-Type": self.media_type, "Content-Length": str(len(self.body)), "Idempotency-Key": self.key,
                **coding}

    def make_body(self):
        text = csv_text(people(self.block * BLOCK, self.rows, self.generation), BAD_ROWS).encode()
        self.file = gzip.compress(text, 1) if self.form == "gzip" else text
        self.body, self.media_type = self.file, "text/csv"
        if self.form == "form":
            self.body, self.media_type = form(("file", "people.csv", text))

    def pieces(self):
        """The body, sent over `seconds_to_send`."""
        count = 40 if self.seconds_to_send else 1
        size = len(self.body) // count + 1
        for at in range(0, len(self.body), size):
            yield self.body[at:at + size]
            self.sent = min(at + size, len(self.body))
            time.sleep(self.seconds_to_send / count)

    def __str__(self):
        return f"{self.key} ({self.door}, {self.table}, {self.mode}, {self.form}, {self.rows} rows)"


class State:
    """What a table holds: how often each file of people, by block and generation."""

    def __init__(self, files=None):
        self.files = collections.Counter(files or {})

    def after(self, load):
        files = collections.Counter() if load.mode == "replace" else self.files.copy()
        if load.mode == "upsert":
            files = collections.Counter({file: times for file, times in files.items() if file[0] != load.block})
        files[load.block, load.generation] += 1
        return State(files)

    def blocks(self):
        return {block for block, _ in self.files}

    def look(self, rows_of):
        """What full_look() gives."""
        total = (0, 0, 0, 0)
        for (block, generation), times in self.files.items():
            rows, _, ids, lengths = rows_of[block]
            total = tuple(a + times * b for a, b in zip(total, (rows, rows * generation, ids, lengths)))
        return total if total[0] else (0, None, None, None)


class TableReader(DatabaseReader):
    """Sees (rows, sum of generations)."""
    columns = 2

    def __init__(self, test, table, keeps_connection):
        super().__init__(test.database, quick_look(table), keeps_connection, pause=0.005)
        self.table = table


class ApiReader(Reader):
    """Sees (rows,): asks the server how many rows a table has; where there is no server, there is no answer."""
    columns = 1

    def __init__(self, test, table):
        super().__init__(pause=0.02)
        self.test, self.table = test, table

    def look(self):
        try:
            answer = self.test.server.get(f"/v1/tables/{self.table}", timeout=20)
            return (answer.json["rows"],) if answer.status == 200 else f"{answer.status} {answer.text}"
        except (OSError, http.client.HTTPException, TypeError, AttributeError):
            return None


def is_part_of(seen, chain):
    """Whether what was seen are states of the chain in its order."""
    rest = iter(chain)
    return all(any(state == one for state in rest) for one in seen)


class KillTest:
    def __init__(self, rowgate, folder, seed):
        self.rowgate, self.folder, self.random = str(rowgate), folder, random.Random(seed)
        (folder / "rowgate.yaml").write_text(CONFIG, encoding="ascii")
        self.files, self.spool = folder / "data" / "files", folder / "data" / "spool"
        self.database = folder / "data" / "rowgate.db"
        self.loads, self.rows_of = {}, {}
        self.known = 0  # committed runs before this round
        self.states = {table: State() for table in TABLES}
        self.looks = self.kills = self.promises = self.committed_before = self.replays = 0
        self.server = None
        begin = time.perf_counter()
        self.start()
        self.start_seconds = time.perf_counter() - begin
        begin = time.perf_counter()
        first = [self.new_load(table, "append", 20_000) for table in TABLES]
        for load in first:
            self.settle(load)
        self.seconds_per_row = (time.perf_counter() - begin) / 40_000
        self.check(first, [])

    # -- the server

    def start(self, wait=True):
        sync_wait = self.random.choice(["20ms", "20ms", "20s"])
        self.server = Server(self.rowgate, self.folder, f"limits: {{ sync_wait: {sync_wait} }}", wait=wait)

    def kill(self):
        self.server.kill()
        self.kills += 1

    # -- loads

    def new_load(self, table, mode, rows, taken=()):
        present = self.states[table].blocks() - set(taken)
        is_known = mode == "upsert" and present and self.random.random() < 0.7
        block = self.random.choice(sorted(present)) if is_known else len(self.rows_of) + 1
        rows = self.rows_of[block][0] if is_known else rows
        doors = ("v1",) if mode == "upsert" or rows > max(SIZES[:-1]) else ("v1", "v1", "original")
        load = Load(key=f"load-{len(self.loads) + 1}", table=table, mode=mode, block=block,
                    generation=len(self.loads) + 1, rows=rows, form=self.random.choice(FORMS),
                    door=self.random.choice(doors))
        load.make_body()
        self.rows_of.setdefault(block, sums(people(block * BLOCK, rows, 0)))
        self.loads[load.key] = load
        return load

    def new_loads(self, phase):
        count = self.random.randint(3, 4) if phase == "queued" else self.random.randint(1, 3)
        loads = []
        for _ in range(count):
            table = self.random.choice(TABLES)
            rows = self.random.choice(SIZES)
            loads.append(self.new_load(table, self.random.choice(MODES[table]), rows, [load.block for load in loads]))
        if phase == "body":
            for load in loads:
                load.seconds_to_send = self.random.uniform(0.05, 0.4)
        return loads

    def send(self, load):
        """Adds (status, run, answer) to the load's answers, or the error that came instead of one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=AT_LATEST)
        try:
            connection.request("POST", load.address(), load.pieces(), load.headers())
            answer = connection.getresponse()
            text = answer.read()
            is_run = answer.status in (200, 202)
            run = (answer.headers["Rowgate-Run"] or json.loads(text)["id"]) if is_run else None
            load.answers.append((answer.status, run, answer.headers, text))
        except (OSError, http.client.HTTPException) as error:
            load.answers.append((0, None, {}, str(error)))
        finally:
            connection.close()

    # -- when to kill

    def states_in_flight(self):
        """The status of every run in flight, as its state file has it."""
        found = []
        for path in (self.spool / "runs").glob("*.json"):
            try:
                lines = path.read_bytes().split(b"\n")
                found.append(json.loads(lines[-2])["status"])
            except (FileNotFoundError, IndexError):
                pass
        return found

    def names(self, kind):
        return {path.name for path in (self.files / kind).glob("run_*")}

    def until(self, clients, condition):
        """Until something is so, or all requests are answered."""
        while any(client.is_alive() for client in clients) and not condition():
            time.sleep(0.0002)

    def wait_for(self, phase, loads, clients):
        if phase == "body":
            load, part = self.random.choice(loads), self.random.random()
            self.until(clients, lambda: load.sent >= part * len(load.body))
        elif phase == "queued":
            self.until(clients, lambda: "queued" in self.states_in_flight())
            time.sleep(self.random.uniform(0, 0.005))
        elif phase in ("running", "restart"):
            self.until(clients, lambda: "running" in self.states_in_flight())
            rows = sum(load.rows for load in loads)
            time.sleep(self.random.uniform(0, 1.1) * rows * self.seconds_per_row)
        elif phase == "commit":
            before, skipped = self.names("rejects"), self.random.randrange(len(loads))
            self.until(clients, lambda: len(self.names("rejects") - before) > skipped)
            time.sleep(self.random.uniform(0, 0.02))
        else:
            before = self.names("sources")
            self.until(clients, lambda: any(load.answers for load in loads) or self.names("sources") - before)
            time.sleep(self.random.uniform(0, 0.003))

    def kill_while_starting(self):
        for _ in range(self.random.randint(1, 2)):
            self.start(wait=False)
            time.sleep(self.random.uniform(0, 1.2) * self.start_seconds)
            self.kill()

    # -- a round

    def round(self, phase):
        with Readers([reader for table in TABLES for reader in
                      (TableReader(self, table, True), TableReader(self, table, False), ApiReader(self, table))]) as readers:
            loads = self.new_loads(phase)
            clients = [threading.Thread(target=self.send, args=(load,)) for load in loads]
            for client in clients:
                client.start()
            self.wait_for(phase, loads, clients)
            self.kill()
            for client in clients:
                client.join()
            self.promises += sum(answer[0] != 0 for load in loads for answer in load.answers)
            if phase == "restart":
                self.kill_while_starting()
            self.committed_before += len(self.committed()) - self.known
            self.start()
            for load in loads:
                load.seconds_to_send = 0
                self.settle(load)
        self.check(loads, readers)

    def settle(self, load):
        """Until it is loaded, then twice more."""
        promised = {answer[1] for answer in load.answers if answer[1]}
        expect(all(answer[0] in (0, 200, 202) for answer in load.answers), f"{load}: answered {load.answers}")
        expect(len(promised) <= 1, f"{load}: two runs were promised: {promised}")
        for run in promised:
            state = self.server.ended(run)
            expect(state["status"] == "succeeded_with_rejects", f"{load}: {run} was promised, and is {state}")
        deadline = time.monotonic() + AT_LATEST
        good = 0
        while good < 3:
            expect(time.monotonic() < deadline, f"{load}: never answered 200: {load.answers}")
            self.send(load)
            status, run, headers, text = load.answers[-1]
            if status == 200:
                promised.add(run)
                good += 1
                expect(good == 1 or headers["Idempotency-Replayed"] == "true", f"{load}: done anew: {load.answers}")
            elif status == 202:
                promised.add(run)
                self.server.ended(run)
            else:
                expect(status == 409, f"{load}: answered {load.answers}")
                time.sleep(0.02)
            expect(len(promised) <= 1, f"{load}: two runs were promised: {promised}")
        expect(self.runs_of(load) == sorted(promised), f"{load}: {promised} was promised, but {self.runs_of(load)} loaded")
        self.replays += good - 1

    # -- what must hold

    def ask(self, query, *values):
        with sqlite3.connect(self.database, timeout=30) as database:
            rows = database.execute(query, values).fetchall()
        database.close()
        return rows

    def runs_of(self, load):
        return [row[0] for row in self.ask("SELECT id FROM rowgate_runs WHERE idempotency_key = ? ORDER BY 1", load.key)]

    def committed(self):
        return self.ask("SELECT table_name, idempotency_key, id, version_before, version_after, rows_read, rows_accepted, "
                        "rows_rejected FROM rowgate_runs WHERE status LIKE 'succeeded%' ORDER BY rowid")

    def check(self, loads, readers):
        runs = self.committed()
        news = runs[self.known:]
        keys = [row[1] for row in news]
        self.known = len(runs)
        expect(sorted(keys) == sorted(load.key for load in loads), f"loaded were {keys}, and asked for {loads}")
        for table in TABLES:
            chain = self.follow(table, [row for row in runs if row[0] == table], [row for row in news if row[0] == table])
            self.check_readers(table, chain, readers)
        for _, key, _, _, _, read, accepted, rejected in news:
            rows = self.loads[key].rows
            expect((read, accepted, rejected) == (rows + BAD_ROWS, rows, BAD_ROWS), f"{key} counts {(read, accepted)}")
        self.check_files([row[2] for row in runs])
        for _, key, run, *_ in news:
            self.check_kept(self.loads[key], run)
        self.check_nothing_left()

    def follow(self, table, runs, news):
        """The table's states from the round's begin on; the last one is what the table must hold."""
        versions = [(row[3], row[4]) for row in runs]
        expect(versions == [(n, n + 1) for n in range(len(runs))], f"{table}: the ledger's versions are {versions}")
        version = self.ask("SELECT version FROM rowgate_schema WHERE table_name = ?", table)[0][0]
        expect(version == len(runs), f"{table}: {len(runs)} committed runs, but version {version}")
        chain = [self.states[table].look(self.rows_of)]
        for row in news:
            self.states[table] = self.states[table].after(self.loads[row[1]])
            chain.append(self.states[table].look(self.rows_of))
        found = self.ask(full_look(table))[0]
        expect(found == chain[-1], f"{table}: is {found} where it should be {chain[-1]}")
        return chain

    def check_readers(self, table, chain, readers):
        for reader in readers:
            if reader.table != table:
                continue
            self.looks += reader.looks
            states = [state[:reader.columns] for state in chain]
            expect(is_part_of(reader.seen, states), f"{table}: a reader saw {reader.seen}, the states were {states}")

    def check_files(self, runs):
        """Of committed runs and of no others; names of files half written begin with a dot."""
        for kind, ending in (("rejects", ".jsonl.zst"), ("sources", "")):
            expected = {run + ending for run in runs}
            expect(self.names(kind) == expected, f"{kind}: {self.names(kind) ^ expected} are there or are missing")

    def check_kept(self, load, run):
        rejects = self.server.get(f"/v1/runs/{run}/rejects", {"Accept": "text/csv"})
        rows = list(csv.DictReader(io.StringIO(rejects.text)))
        expect(rejects.status == 200 and len(rows) == BAD_ROWS and all(row["id"].startswith("x") for row in rows),
               f"{load}: its rejects are {rejects.text}")
        source = self.server.get(f"/v1/runs/{run}/source")
        expect(source.body == load.file, f"{load}: {len(source.body)} bytes are kept of {len(load.file)}")

    def check_nothing_left(self):
        deadline = time.monotonic() + 10
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.01)
        expect(not self.left(), f"left in the spool: {self.left()}")
        listed = self.server.get("/v1/runs?limit=1000").json["items"]
        statuses = collections.Counter(run["status"] for run in listed)
        expect(set(statuses) <= {"succeeded_with_rejects", "interrupted"}, f"the runs are {statuses}")
        expect(self.ask("PRAGMA integrity_check") == [("ok",)], "integrity_check is not ok")
        tables = {row[0] for row in self.ask("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        expect(tables <= {*TABLES, "rowgate_runs", "rowgate_schema", "rowgate_links"}, f"the tables are {tables}")

    def left(self):
        """What was killed while it made a state file leaves it under its first name for a minute."""
        return [path for path in self.spool.rglob("*") if path.is_file() and path.name != ".lock" and path.suffix != ".new"
                and path.parent.name != "databases"]

    def check_half_made(self):
        """After that minute the next start clears it away."""
        half_made = list((self.spool / "runs").glob("*.new"))
        for path in half_made:
            os.utime(path, (time.time() - 61, time.time() - 61))
        self.server.kill()
        self.start()
        expect(not any(path.exists() for path in half_made), f"half-made state files stay: {half_made}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rowgate", type=pathlib.Path, default=pathlib.Path("build/release/rowgate"))
    arguments.add_argument("--kills", type=int, default=15)
    arguments.add_argument("--seed", type=int, default=None, help="of files and moments; a new one each time when absent")
    options = arguments.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    rounds = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="rowgate-kill-http-") as folder:
        test = None
        try:
            test = KillTest(options.rowgate.resolve(), pathlib.Path(folder), seed)
            print(f"undisturbed: {20_000 * test.seconds_per_row:.2f} s for 20,000 rows, started in "
                  f"{test.start_seconds:.2f} s", flush=True)
            while test.kills < options.kills:
                tell_progress(test.kills, options.kills)
                phase = PHASES[sum(rounds.values()) % len(PHASES)]
                test.round(phase)
                rounds[phase] += 1
            test.check_half_made()
        except Failure as failure:
            print(f"FAILED in round {sum(rounds.values()) + 1} ({PHASES[sum(rounds.values()) % len(PHASES)]}): {failure}; "
                  f"replay with --seed {seed}")
            return 1
        finally:
            if test and test.server:
                test.server.kill()
    print(f"{test.kills} kills held: in " + ", ".join(f"{phase} {count}" for phase, count in rounds.items()) +
          f"; of {len(test.loads):,} loads {test.committed_before:,} were committed and {test.promises:,} answered when the "
          f"server was killed, all of them loaded once in the end; {test.replays:,} repetitions changed nothing; the readers looked {test.looks:,} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
