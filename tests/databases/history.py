"""Histories: clients with idempotency keys ask two servers on one database, while proxies before the database cut, delay and
deliver late what the servers send. Afterwards the table, the ledger, the versions and every answer must be explained by one
order of whole loads.

    servers.py run history.py --rowgate build/release/rowgate --rounds 4
    servers.py run history.py --rowgate build/release/rowgate --seed 17-mysql-3        one round again

The last line says how many rounds held. Threads and clocks are real, so a seed repeats what is done, not when.
"""

import argparse
import contextlib
import copy
import itertools
import json
import os
import pathlib
import random
import re
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

CONFIG = """\
storage: { url: "file:./files", spool: ./spool }
limits: { max_rejects: 0 }
tables:
  events:
    schema: { fields: [{ name: n, type: integer }, { name: copy, type: integer }] }
  states:
    schema:
      primaryKey: [n]
      fields: [{ name: n, type: integer }, { name: load, type: integer }]
"""
COPIES = 3
STATES = 5  # of which each load of `states` writes three
PATIENCE = 90


class Operation:
    """One request of a client, repeated under its key until it is answered for good."""

    def __init__(self, number, dice):
        self.number, self.key = number, f"load {number}"
        self.table = dice.choice(["events", "events", "states"])
        self.mode = dice.choice(["append", "append", "replace"] if self.table == "events" else ["upsert", "upsert", "replace"])
        self.states = sorted(dice.sample(range(STATES), COPIES))
        self.run, self.answers = None, []

    def body(self):
        if self.table == "events":
            return "n,copy\n" + "".join(f"{self.number},{copy}\n" for copy in range(COPIES))
        return "n,load\n" + "".join(f"{state},{self.number}\n" for state in self.states)

    def apply(self, rows):
        """What the table's rows are after this load, a sorted list."""
        if self.table == "events":
            new = [(self.number, copy) for copy in range(COPIES)]
            return sorted(new if self.mode == "replace" else rows + new)
        new = {} if self.mode == "replace" else dict(rows)
        new.update({state: self.number for state in self.states})
        return sorted(new.items())

    def told(self):
        """What was answered, like answers in a row as one."""
        return ", ".join(f"{' '.join(str(part) for part in answer if part)} ({len(list(same))} times)"
                         for answer, same in itertools.groupby(self.answers))


def send(address, operation, wait):
    request = urllib.request.Request(
        f"http://{address}/v1/tables/{operation.table}/loads?mode={operation.mode}", operation.body().encode(),
        {"Content-Type": "text/csv", "Idempotency-Key": operation.key, "Prefer": f"wait={wait}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError as error:
        return 0, {"code": str(error)}


class Client(threading.Thread):
    """Does some operations one after the other, each at either server, now and then at both at once."""

    def __init__(self, operations, addresses, seed):
        super().__init__()
        self.operations, self.addresses, self.dice, self.troubles = operations, addresses, random.Random(seed), []

    def run(self):
        for operation in self.operations:
            end = time.monotonic() + PATIENCE
            while operation.run is None:
                if time.monotonic() > end:
                    self.troubles.append(f"{operation.key} was not answered for good: {operation.answers[-3:]}")
                    return
                asked = self.addresses if self.dice.random() < 0.3 else [self.dice.choice(self.addresses)]
                threads = [threading.Thread(target=self.ask, args=(operation, address)) for address in asked]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                time.sleep(self.dice.random() * 0.2)

    def ask(self, operation, address):
        status, answer = send(address, operation, self.dice.choice([0, 1, 30]))
        run = answer.get("id") or re.sub("^req_.*", "", answer.get("instance") or "")
        operation.answers.append((status, answer.get("code") or answer.get("status"), run))
        if status == 200 and answer["status"] == "succeeded":
            operation.run = answer["id"]
        elif status not in (0, 202, 409, 429, 503):
            self.troubles.append(f"{operation.key} was answered {status} {json.dumps(answer)[:300]}")
            operation.run = ""


class Trouble(threading.Thread):
    """Makes trouble at both proxies until it is told to stop."""

    def __init__(self, proxies, seed):
        super().__init__(daemon=True)
        self.proxies, self.dice, self.over = proxies, random.Random(seed), threading.Event()
        self.made = 0

    def run(self):
        while not self.over.wait(self.dice.random() * 1.5):
            proxy, dice = self.dice.choice(self.proxies), self.dice
            how = dice.choice(["before", "after", "late", "slow"])
            if how == "slow":
                proxy.slow_until = time.monotonic() + dice.random() * 2
                proxy.slowness = dice.random() * 0.3
            else:
                words = dice.choice([None, None, rb"COMMIT(?!TED)", rb"RENAME TABLE", rb"INSERT INTO", rb"rowgate_runs"])
                proxy.arm(how == "after", at=None if words else dice.randint(1, 60), containing=words or b"",
                          closed_for=dice.choice([0, 0.2, 2, 6]), late=dice.random() * 3 if how == "late" else None)
            self.made += 1
        for proxy in self.proxies:
            proxy.disarm()
            proxy.open()
            proxy.slow_until = 0.0


def rows_of(place, sql, table):
    name = f"{place.space}.{table}"
    columns = "n, copy" if table == "events" else ("n, `load`" if place.kind == "mysql" else "n, load")
    lines = sql(place.kind, f"SELECT {columns} FROM {name}").splitlines()
    return sorted(tuple(int(part) for part in re.split(r"[|\t]", line)) for line in lines)


def violations(place, sql, servers, operations):
    """What cannot be explained by one order of whole loads."""
    for table in ("events", "states"):
        mine = [operation for operation in operations if operation.table == table]
        runs = [run for run in json.loads(servers[0].get(f"/v1/runs?table={table}&limit=1000"))["items"]]
        if len({run["id"] for run in runs}) != len(runs):
            yield f"{table}: a run is in the ledger twice"
        open_runs = [f"{run['id']} ({run['status']})" for run in runs if run["status"] not in ("succeeded", "failed", "interrupted", "cancelled")]
        if open_runs:
            yield f"{table}: {open_runs} have no end"
        done = sorted((run for run in runs if run["status"] == "succeeded"), key=lambda run: run["table_version"]["after"])
        versions = [run["table_version"]["after"] for run in done]
        if versions != list(range(1, len(done) + 1)):
            yield f"{table}: the versions are {versions}"
        by_run = {operation.run: operation for operation in mine}
        for run in done:
            if run["id"] not in by_run:
                yield f"{table}: {run['id']} succeeded and nobody was told"
        if len(done) != len(mine):
            yield f"{table}: {len(done)} loads are done of {len(mine)} that were asked for"
        rows = []
        for run in done:
            if run["id"] in by_run:
                rows = by_run[run["id"]].apply(rows)
        there = rows_of(place, sql, table) if done else []
        if there != rows:
            yield f"{table}: the rows are {there[:40]} and must be {rows[:40]}"
    for operation in operations:
        told = {run for status, state, run in operation.answers if status == 200 and state == "succeeded"}
        if len(told) > 1:
            yield f"{operation.key} was answered with {sorted(told)}"
    leftovers = sql(place.kind, f"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{place.space}' "
                                "AND table_name LIKE '\\_\\_rg\\_%'")
    if leftovers != "0":
        yield f"{leftovers} tables of unfinished loads are left"


def told(server, operations):
    """What each load was told, and what the ledger has of it."""
    for operation in operations:
        yield f"{operation.key}: {operation.table} {operation.mode}, {operation.told()}"
    for run in json.loads(server.get("/v1/runs?limit=1000"))["items"]:
        yield f"{run['id']}: {run['table']} {run['mode']} {run['status']} {run.get('table_version')} {run.get('error', '')}"


def play(kind, seed, folder, count):
    """One round; what it broke, behind all that was told, and how many troubles were made."""
    from cutting import CuttingProxy
    from places import Place, Server, sql

    dice = random.Random(seed)
    place = Place(kind, folder)
    (folder / "rowgate.yaml").write_text(CONFIG)
    url = place.environment["ROWGATE_DATABASE__URL"]
    port = int(re.search(r":(\d+)/", url)[1])
    proxies = [CuttingProxy(port), CuttingProxy(port)]
    servers = []
    with contextlib.ExitStack() as stack:
        stack.callback(place.drop)
        for number, proxy in enumerate(proxies):
            stack.callback(proxy.stop)
            own = folder / f"server{number}"
            own.mkdir()
            (own / "rowgate.yaml").write_text(CONFIG.replace('"file:./files"', f'"file:{folder}/files"'))
            twin = copy.copy(place)
            twin.folder, twin.environment = own, {**place.environment, "ROWGATE_DATABASE__URL": url.replace(f":{port}/", f":{proxy.address}/")}
            servers.append(Server(twin))
            stack.callback(servers[-1].stop)
        operations = [Operation(number + 1, dice) for number in range(count)]
        clients = [Client(operations[number::4], [server.address for server in servers], dice.random()) for number in range(4)]
        trouble = Trouble(proxies, dice.random())
        trouble.start()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        trouble.over.set()
        trouble.join()
        # What is settled in the background has its time now.
        end = time.monotonic() + PATIENCE
        while (found := [text for client in clients for text in client.troubles] + list(violations(place, sql, servers, operations))) \
                and time.monotonic() < end:
            time.sleep(1)
        if found:  # the reason stands last: of a long output people see the end
            found = [*told(servers[0], operations), "It does not hold:", *found]
        return found, trouble.made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rowgate", required=True, type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--operations", type=int, default=24, help="of a round")
    parser.add_argument("--seed", help="of the first round; or that of one: 17-mysql-3")
    arguments = parser.parse_args()
    os.environ["ROWGATE"] = str(arguments.rowgate.resolve())
    base = arguments.seed or str(random.SystemRandom().randrange(10 ** 6))
    rounds = [base] if "-" in base else [f"{base}-{('mysql', 'postgresql')[number % 2]}-{number}" for number in range(arguments.rounds)]
    print(f"seed {base}", flush=True)
    wrong, troubles = 0, 0
    for seed in rounds:
        with tempfile.TemporaryDirectory(prefix="rowgate-history.") as scratch:
            found, made = play(seed.split("-")[1], seed, pathlib.Path(scratch), arguments.operations)
            troubles += made
            if found:
                wrong += 1
                print("\n  ".join([f"round {seed}:", *found]), flush=True)
    if wrong:
        sys.exit(f"{wrong} of {len(rounds)} rounds did not hold")
    print(f"{len(rounds)} rounds held, {len(rounds) * arguments.operations} loads, {troubles} troubles")


if __name__ == "__main__":
    main()
