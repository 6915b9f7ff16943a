"""Random scenarios against a model: a schema, a table of parents and a few dirty files, loaded one after the other. What each
load must say and what the tables must then hold is worked out here, from the rules of docs/architecture.md alone.

    scenarios.py --rowgate build/release/rowgate --scenarios 300                                 on SQLite
    servers.py run scenarios.py --rowgate build/release/rowgate --scenarios 100 --engines all    on the three
    scenarios.py --rowgate build/release/rowgate --seed 17-42                                    one of them again

A scenario that does not hold is made smaller: loads, records and keys are left out as long as it fails. The last line says
how many held.
"""

import argparse
import collections
import contextlib
import copy
import datetime
import decimal
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile

import differential

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from watching import tell_progress  # noqa: E402

# What a cell holds: the text of the file, and the value that it is or the code that refuses it.
Cell = collections.namedtuple("Cell", "text value code", defaults=(None, None))
Record = collections.namedtuple("Record", "line cells")
NULL = Cell("")


class Field:
    """A field with a maker of cells; few different values, so that keys meet."""

    def __init__(self, name, kind, dice, is_key):
        self.name, self.kind = name, kind
        self.required = not is_key and dice.random() < 0.2
        self.scale = dice.choice([0, 1, 2, 6])
        self.precision = dice.choice([0, 3, 6])
        self.digits = self.scale + dice.choice([3, 9, 20])

    def schema(self):
        rules = {"required": True} if self.required else {}
        more = {}
        if self.kind == "string":
            rules["maxLength"] = 12
        if self.kind == "integer":
            rules["maximum"] = 1000
        if self.kind == "decimal":
            more["rowgate:decimal"] = [self.digits, self.scale]
        if self.kind == "datetime":
            more["rowgate:precision"] = self.precision
        kind = "number" if self.kind == "decimal" else self.kind
        return {"name": self.name, "type": kind, **more, **({"constraints": rules} if rules else {})}

    def cell(self, dice, variety):
        chance = dice.random()
        if chance < 0.06:
            return NULL
        if chance < 0.10:
            return self.bad(dice)
        return self.good(dice, variety)

    def good(self, dice, variety):
        number = dice.randrange(variety)
        match self.kind:
            case "integer":
                return Cell(str(number), str(number))
            case "string":
                value = dice.choice(["{}", "A{}", "a{}", "{} ", "é{}", "e\u0301{}"]).format(number)
                return Cell(value, value)
            case "boolean":
                value = dice.choice(["true", "false"])
                return Cell(dice.choice([value, value.upper(), "1" if value == "true" else "0"]), value)
            case "decimal":
                value = decimal.Decimal(number).scaleb(-dice.randint(0, self.scale)) * dice.choice([1, -1])
                text = f"{value:f}"
                canonical = f"{value:.{self.scale}f}"
                return Cell(text, canonical.replace("-", "") if value == 0 else canonical)
            case "date":
                value = f"2021-{1 + number % 12:02}-{1 + number % 28:02}"
                return Cell(value, value)
            case "datetime":
                moment = datetime.datetime(2021, 11, 7, 2, 48, 42) + datetime.timedelta(minutes=30 * number)
                fraction = f".{number % 10}{'0' * (self.precision - 1)}" if self.precision else ""
                hours = dice.choice([None, 0, 2, -5])
                written = moment + datetime.timedelta(hours=hours or 0)
                offset = "" if hours is None else "Z" if hours == 0 else f"{hours:+03}:00"
                return Cell(f"{written:%Y-%m-%dT%H:%M:%S}{fraction}{offset}", f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z")
        raise AssertionError(self.kind)

    def bad(self, dice):
        match self.kind:
            case "integer":
                return dice.choice([Cell("x", code="value.not_integer"), Cell("1001", code="rule.maximum"),
                                    Cell("9223372036854775808", code="value.out_of_range")])
            case "string":
                return Cell("x" * 13, code="rule.max_length")
            case "boolean":
                return Cell("yes", code="value.not_boolean")
            case "decimal":
                return dice.choice([Cell("x", code="value.not_number"), Cell("0.1234567", code="value.out_of_range"),
                                    Cell("1" + "0" * self.digits, code="value.out_of_range")])
            case "date":
                return Cell("2021-02-30", code="value.not_date")
            case "datetime":
                return dice.choice([Cell("2021-11-07", code="value.not_datetime"),
                                    Cell("2021-11-07T02:48:42.1234567Z", code="value.out_of_range")])
        raise AssertionError(self.kind)


KINDS = ["integer", "integer", "string", "boolean", "decimal", "date", "datetime"]


class Table:
    """A table of the schema, and what the model knows of it: its rows as tuples of canonical texts."""

    def __init__(self, name, fields):
        self.name, self.fields = name, fields
        self.names = [field.name for field in fields]
        self.primary, self.unique, self.foreign = [], [], []  # foreign: (fields, table, their fields)
        self.enforce = False
        self.rows = None  # absent before the first load

    def keys(self):
        return ([self.primary] if self.primary else []) + self.unique

    def schema(self):
        schema = {"fieldsMatch": "superset", "fields": [field.schema() for field in self.fields]}
        if self.primary:
            schema["primaryKey"] = self.primary
        if self.unique:
            schema["uniqueKeys"] = self.unique
        if self.foreign:
            schema["foreignKeys"] = [{"fields": fields, "reference": {"resource": "" if table is self else table.name,
                                                                      "fields": theirs}} for fields, table, theirs in self.foreign]
        return {"keys": "enforce" if self.enforce else "check", "schema": schema}

    def part(self, row, names):
        """The values of a row in these fields; None where one is null, since then it takes no part."""
        values = tuple(row[self.names.index(name)] for name in names)
        return None if None in values else values


class Load:
    def __init__(self, table, mode, header, records):
        self.table, self.mode, self.header, self.records = table, mode, header, records

    def text(self):
        lines = [",".join(self.header)]
        for record in self.records:
            lines.append(",".join(f'"{cell.text}"' if "," in cell.text or not cell.text.strip() and cell.text else cell.text
                                  for cell in record.cells))
        return "\n".join(lines) + "\n"


class Refused(Exception):
    """The load as a whole, by this code."""


class Verdict:
    """What a load must say: the codes of each refused line, and the rows of the table."""

    def __init__(self):
        self.rejects = {}
        self.counts = {}
        self.code = None


def judge(load, tables):
    """Works the load out in the stages of docs/architecture.md, and changes the model's tables."""
    table, verdict = load.table, Verdict()
    old_rows = list(table.rows or [])
    present = [name for name in table.names if name in load.header]
    lacking = [name for name in table.names if name not in load.header]

    def refuse(line, code, names):
        verdict.rejects.setdefault(line, []).append((code, names[0]))

    # 1, 2: types and rules; the first field of a record that is blank throughout makes it no record.
    alive = []
    for record in load.records:
        cells = dict(zip(load.header, record.cells))
        for field in table.fields:
            cell = cells.get(field.name, NULL)
            needed = field.required or field.name in table.primary
            if cell.code:
                refuse(record.line, cell.code, [field.name])
            elif cell.value is None and needed and field.name in present:
                refuse(record.line, "rule.required", [field.name])
            elif cell.value is None and needed:
                raise AssertionError("a generator's fault: a needed field is lacking")
        if record.line not in verdict.rejects:
            alive.append((record.line, tuple(cells.get(name, NULL).value for name in table.names)))

    def survivors():
        return [(line, row) for line, row in alive if line not in verdict.rejects]

    # 3: keys within the file, each by itself; the first record that came so far wins.
    judged = [key for key in table.keys() if not any(name in lacking for name in key)]
    stage = survivors()
    for key in judged:
        seen = set()
        for line, row in stage:
            value = table.part(row, key)
            if value is None:
                continue
            if value in seen:
                refuse(line, "key.duplicate_in_file", key)
            seen.add(value)

    # 4: keys against the table as it was before; a replace has nothing before it.
    stage = survivors()
    before = [] if load.mode == "replace" else old_rows
    for key in judged:
        holders = {table.part(row, key): row for row in before if table.part(row, key) is not None}
        for line, row in stage:
            holder = holders.get(table.part(row, key))
            if holder is None:
                continue
            is_primary = key == table.primary
            if load.mode == "upsert" and (is_primary or table.part(holder, table.primary) == table.part(row, table.primary)):
                continue
            refuse(line, "key.duplicate_in_table" if is_primary else "key.not_unique", key)

    # 5: parents. Those of the table itself are its rows as they will be, so that a refusal may bring others.
    def merged(stage):
        if load.mode == "replace":
            return [row for _, row in stage]
        rows = list(old_rows)
        if load.mode == "append":
            return rows + [row for _, row in stage]
        place = {table.part(row, table.primary): number for number, row in enumerate(rows)}
        for _, row in stage:
            number = place.get(table.part(row, table.primary))
            if number is None:
                rows.append(row)
            else:
                rows[number] = tuple(new if name in present else old for name, new, old in zip(table.names, row, rows[number]))
        return rows

    stage = survivors()
    while True:
        refused = False
        after = merged(stage)
        for fields, other, theirs in table.foreign:
            if any(name in lacking for name in fields):
                continue
            rows = after if other is table else other.rows or []
            parents = {other.part(row, theirs) for row in rows}
            for line, row in stage:
                value = table.part(row, fields)
                if value is not None and value not in parents:
                    refuse(line, "key.no_parent", fields)
                    refused = True
        stage = survivors()
        if not refused:
            break

    verdict.counts = {"read": len(load.records), "accepted": len(stage), "rejected": len(verdict.rejects)}
    tried = len(load.records)
    if tried and not stage:
        verdict.code = "limit.rejects"
        return verdict
    after = merged(stage)

    # Rows that others refer to must not go where the database itself keeps the keys; and no upsert takes a parent from a row
    # of its own table, whoever keeps them.
    if orphans(table, old_rows, after, tables) or load.mode == "upsert" and parentless(table, after):
        verdict.code = "key.has_children"
        return verdict
    if load.mode == "upsert":
        known = {table.part(row, table.primary) for row in old_rows}
        verdict.counts["updated"] = sum(table.part(row, table.primary) in known for _, row in stage)
        verdict.counts["inserted"] = len(stage) - verdict.counts["updated"]
    table.rows = after
    return verdict


def parentless(table, rows):
    """Whether rows refer to a row of their own table that is not there."""
    own = [(fields, {table.part(row, theirs) for row in rows} | {None}) for fields, parent, theirs in table.foreign if parent is table]
    return any(table.part(row, fields) not in there for fields, there in own for row in rows)


def orphans(table, old_rows, after, tables):
    """Whether rows of tables that keep their keys in the database refer to something that goes."""
    for other in tables:
        if not other.enforce or not other.rows:
            continue
        for fields, parent, theirs in other.foreign:
            if parent is not table:
                continue
            rows = after if other is table else other.rows
            gone = {table.part(row, theirs) for row in old_rows} - {table.part(row, theirs) for row in after} - {None}
            if any(other.part(row, fields) in gone for row in rows):
                return True
    return False


class Scenario:
    def __init__(self, seed):
        self.seed, dice = seed, random.Random(seed)
        parents = Table("parents", [Field("id", "integer", dice, True), Field("code", dice.choice(KINDS[1:]), dice, True),
                                    Field("note", "string", dice, True)])
        parents.primary, parents.unique = ["id"], [["code"]]
        fields = [Field(f"k{number}", dice.choice(KINDS), dice, True) for number in range(dice.choice([1, 1, 1, 2]))]
        primary = [field.name for field in fields]
        fields += [Field(f"f{number}", dice.choice(KINDS), dice, dice.random() < 0.7) for number in range(dice.randint(1, 4))]
        table = Table("facts", fields)
        table.primary = primary if dice.random() < 0.9 else []
        for _ in range(dice.choice([0, 1, 1, 2, 3])):
            key = sorted(dice.sample([field.name for field in fields], dice.choice([1, 1, 2]) if len(fields) > 1 else 1))
            if key not in table.keys() and sorted(primary) != key:
                table.unique.append(key)
        self.add_references(table, parents, dice)
        table.enforce = dice.random() < 0.4
        parents.enforce = dice.random() < 0.5
        self.tables = [parents, table]
        self.loads = [self.load(parents, "append", dice, False)]
        for _ in range(dice.randint(1, 4)):
            modes = ["append", "append", "replace"] + (["upsert"] * 2 if table.primary else [])
            self.loads.append(self.load(table, dice.choice(modes), dice, True))
            if dice.random() < 0.15:
                self.loads.append(self.load(parents, dice.choice(["append", "upsert"]), dice, True))

    def add_references(self, table, parents, dice):
        def like(name, field):
            made = copy.copy(field)
            made.name, made.required = name, False
            return made

        if dice.random() < 0.6:
            key = dice.choice([["id"], ["code"]])
            table.fields.append(like("parent", next(field for field in parents.fields if field.name == key[0])))
            table.foreign.append((["parent"], parents, key))
        keys = [key for key in table.keys() if len(key) == 1]
        if keys and dice.random() < 0.5:
            key = dice.choice(keys)
            table.fields.append(like("boss", next(field for field in table.fields if field.name == key[0])))
            table.foreign.append((["boss"], table, key))
        table.names = [field.name for field in table.fields]

    def load(self, table, mode, dice, may_lack):
        header = list(table.names)
        needed = {field.name for field in table.fields if field.required} | {name for key in table.keys() for name in key}
        if may_lack and dice.random() < 0.3:
            header = [name for name in header if name in needed or dice.random() < 0.7] or header
        if dice.random() < 0.3:
            dice.shuffle(header)
        fields = {field.name: field for field in table.fields}
        variety = dice.choice([3, 8, 30])
        records = []
        for number in range(dice.randint(1, 14)):
            # The first load of the parents must make their table.
            is_good = number == 0 and not may_lack
            cells = [fields[name].good(dice, variety) if is_good else fields[name].cell(dice, variety) for name in header]
            if all(not cell.text for cell in cells):
                continue
            records.append(Record(len(records) + 2, cells))
        return Load(table.name, mode, header, records)

    def smaller(self):
        """Scenarios with one thing less."""
        for number in range(1, len(self.loads)):
            less = copy.deepcopy(self)
            del less.loads[number]
            yield less
        for number, load in enumerate(self.loads):
            for record in range(len(load.records) if len(load.records) > 1 else 0):
                less = copy.deepcopy(self)
                del less.loads[number].records[record]
                left = less.loads[number].records
                less.loads[number].records = [Record(line + 2, one.cells) for line, one in enumerate(left)]
                yield less
        for number in range(len(self.tables[1].unique)):
            less = copy.deepcopy(self)
            gone = less.tables[1].unique.pop(number)
            if all(theirs != gone for _, _, theirs in less.tables[1].foreign):
                yield less
        for number in range(len(self.tables[1].foreign)):
            less = copy.deepcopy(self)
            del less.tables[1].foreign[number]
            yield less


class Engine(differential.Engine):
    def __init__(self, name, rowgate, database, folder):
        super().__init__(name, rowgate, database, folder)
        self.count = 0

    def fresh(self, scenario):
        """A configuration whose tables no run before had."""
        self.count += 1
        tag = f"_{os.getpid()}_{self.count}"
        if self.name == "sqlite":
            for file in self.folder.glob("d.db*"):
                file.unlink()
        for place in ("rowgate-files", "spool"):
            shutil.rmtree(self.folder / place, ignore_errors=True)
        tables = {}
        for table in scenario.tables:
            made = table.schema()
            for key in made["schema"].get("foreignKeys", []):
                if key["reference"]["resource"]:
                    key["reference"]["resource"] += tag
            tables[table.name + tag] = made
        config = self.folder / "scenario.yaml"
        config.write_text(json.dumps({"database": self.database, "tables": tables,
                                      "storage": {"url": "file:./rowgate-files", "spool": "./spool"}}), encoding="utf-8")
        return config, tag

    def step(self, config, table, load):
        (self.folder / "in.csv").write_text(load.text(), encoding="utf-8")
        done = self.call(config, "load", "in.csv", "--table", table, "--mode", load.mode, "--max-rejects", "100%", "--yes", "--json")
        try:
            said = json.loads(done.stdout)
        except ValueError:
            return {"out": done.stdout.decode(), "err": done.stderr.decode(), "exit": done.returncode}
        run = said["runs"][0] if "runs" in said else said
        error = run.get("error")
        seen = {"code": error.get("code") if error else None, "rejects": {}}
        if "rows" in run:
            seen["counts"] = {key: run["rows"][key] for key in ("read", "accepted", "rejected", "inserted", "updated") if key in run["rows"]}
        if run.get("rejects") and "id" in run:
            lines = self.call(config, "rejects", run["id"], "--format", "jsonl").stdout.decode().splitlines()
            for reject in map(json.loads, lines):
                seen["rejects"][reject["line"]] = sorted((problem["code"], problem["field"]) for problem in reject["errors"])
        rows = self.call(config, "rows", table, "--format", "json")
        seen["rows"] = sorted(json.dumps({name: text_of(value) for name, value in row.items()}, sort_keys=True)
                              for row in json.loads(rows.stdout, parse_float=decimal.Decimal, parse_int=str)) if rows.returncode == 0 else rows.stderr.decode()
        return seen


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None or isinstance(value, str) else f"{value:f}"


def expected_of(load, tables):
    table = next(one for one in tables if one.name == load.table)
    verdict = judge(Load(table, load.mode, load.header, load.records), tables)
    expected = {"code": verdict.code, "rejects": {line: sorted(codes) for line, codes in verdict.rejects.items()}}
    expected["rows"] = sorted(json.dumps(dict(zip(table.names, row)), sort_keys=True) for row in table.rows or [])
    expected["counts"] = verdict.counts
    return expected


def normal(seen):
    """Without what nothing is promised of: the numbers of a load that failed, and the rejects of one that failed as a whole."""
    seen = dict(seen)
    if seen.get("code") is not None:
        seen.pop("counts", None)
    if seen.get("code") == "key.has_children":
        seen.pop("rejects", None)
    return seen


def first_difference(scenario, engines):
    """The first load that is not as the model says, or None."""
    tables = copy.deepcopy(scenario.tables)
    by_name = {table.name: table for table in tables}
    for table in tables:
        table.foreign = [(fields, by_name[other.name], theirs) for fields, other, theirs in table.foreign]
    places = [engine.fresh(scenario) for engine in engines]
    for number, load in enumerate(scenario.loads):
        expected = normal(expected_of(load, tables))
        for engine, (config, tag) in zip(engines, places):
            seen = normal(engine.step(config, load.table + tag, load))
            for key in sorted(set(expected) | set(seen)):
                if expected.get(key) != seen.get(key):
                    return (f"load {number} ({load.mode} {load.table}) on {engine.name}: {key} is\n    {seen.get(key)}\n  and must be\n"
                            f"    {expected.get(key)}\n  " + "; ".join(f"{k}={v}" for k, v in seen.items() if k in ("out", "err", "code")))
    return None


def shrink(scenario, engines):
    """The smallest scenario found that still fails, within a bounded number of tries."""
    tries, is_smaller = 0, True
    while is_smaller:
        is_smaller = False
        for less in scenario.smaller():
            tries += 1
            if tries > 400:
                return scenario
            with contextlib.suppress(AssertionError):
                if first_difference(less, engines):
                    scenario, is_smaller = less, True
                    break
    return scenario


def described(scenario):
    lines = [json.dumps({table.name: table.schema() for table in scenario.tables})]
    for load in scenario.loads:
        lines += [f"{load.mode} {load.table}", "    " + load.text().replace("\n", "\n    ").rstrip()]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rowgate", required=True, type=pathlib.Path)
    parser.add_argument("--scenarios", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="the number to begin with, to go on where a run was ended")
    parser.add_argument("--engines", choices=["sqlite", "all"], default="sqlite")
    parser.add_argument("--seed", help="of the first scenario; or that of one, with its number: 17-42")
    parser.add_argument("--keep-going", action="store_true", help="tell every scenario that does not hold, unshrunk")
    arguments = parser.parse_args()
    base = arguments.seed or str(random.SystemRandom().randrange(10 ** 6))
    seeds = [base] if "-" in base else [f"{base}-{arguments.first + number}" for number in range(arguments.scenarios)]
    print(f"seed {base}", flush=True)
    password = {"env": "DB_PASSWORD"}
    databases = {"sqlite": {"url": "sqlite:./d.db"}}
    if arguments.engines == "all":
        databases |= {"mysql": {"url": os.environ["TESTDB_MYSQL"], "password": password},
                      "postgresql": {"url": os.environ["TESTDB_POSTGRESQL"], "password": password}}
    wrong, codes, loads = 0, collections.Counter(), 0
    with tempfile.TemporaryDirectory(prefix="rowgate-scenarios.") as scratch:
        rowgate = str(arguments.rowgate.resolve())
        engines = [Engine(name, rowgate, database, pathlib.Path(scratch) / name) for name, database in databases.items()]
        for number, seed in enumerate(seeds):
            tell_progress(number, len(seeds))
            scenario = Scenario(seed)
            loads += len(scenario.loads)
            difference = first_difference(scenario, engines)
            if difference is None:
                continue
            wrong += 1
            print(f"scenario {seed} does not hold: {difference}", flush=True)
            if arguments.keep_going:
                continue
            small = shrink(scenario, engines)
            print(f"made smaller:\n{described(small)}\n{first_difference(small, engines)}", flush=True)
            break
    if wrong:
        sys.exit(f"replay one scenario with --seed {base.partition('-')[0]}-N")
    print(f"{len(seeds)} scenarios held, {loads} loads on {len(engines)} database{'s' if len(engines) > 1 else ''}")


if __name__ == "__main__":
    main()
