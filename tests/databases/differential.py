"""The same files, one verdict: generated files with dirty rows are loaded into SQLite, MariaDB and PostgreSQL, and after
each file the three must agree on the exit code, the receipt, the rejects and the rows of the table in the order of its key.

    servers.py run differential.py --rowgate build/release/rowgate --files 300
    servers.py run differential.py --rowgate build/release/rowgate --seed 17-42        one case again

A case is one schema (types, keys and rules drawn by its seed), a file of parents and two dirty files of their children,
loaded in modes that are drawn too. The last line says how many files held and which codes they were refused with.
"""

import argparse
import base64
import collections
import csv
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import uuid

WORDS = ["Ada", "Grace", "Edsger", "Barbara", "it's", 'the "quoted"', "a,b", "line\nbreak", "tab\there", "back\\slash", "\\N",
         "NULL", " lead", "trail ", "trail  ", "ä", "a\u0308", "Ä", "ß", "ss", "😀", "日本", "%", "_", "''", "--", "A", "a", "b "]
RUN_MEMBERS = ("kind", "status", "mode", "dry_run", "rows", "rejects", "warnings", "table_version", "error")


class Field:
    """A field of the schema with a maker of values, good and bad."""

    def __init__(self, name, dice, of_type=None):
        self.name, self.dice = name, dice
        self.kind = of_type or dice.choice(KINDS)
        self.rules, self.more = {}, {}
        if dice.random() < 0.3:
            self.rules["required"] = True
        getattr(self, "set_" + self.kind, lambda: None)()

    def schema(self):
        kind, _, form = self.kind.partition("_")
        out = {"name": self.name, "type": kind, **self.more}
        if form == "decimal":
            out["type"] = "number"
        elif form:
            out["format"] = form
        if self.rules:
            out["constraints"] = self.rules
        return out

    def set_integer(self):
        if self.dice.random() < 0.5:
            self.rules |= {"minimum": -50, "maximum": 100_000}

    def set_string(self):
        self.rules["maxLength"] = self.dice.choice([8, 20, 40])
        if self.dice.random() < 0.2:
            self.rules["minLength"] = 2
        if self.dice.random() < 0.15:
            self.rules["enum"] = ["Ada", "Grace", "it's", "trail "]
        if self.dice.random() < 0.15:
            self.rules["pattern"] = "[^x]*"

    def set_number_decimal(self):
        self.places = self.dice.choice([0, 2, 6])
        self.more["rowgate:decimal"] = [12, self.places]

    def set_time(self):
        self.more["rowgate:precision"] = self.dice.choice([0, 3, 6])

    def set_datetime(self):
        self.more["rowgate:precision"] = self.dice.choice([0, 3, 6])
        if self.dice.random() < 0.5:
            self.rules["minimum"] = "1900-01-01T00:00:00Z"

    def fraction(self):
        digits = self.more["rowgate:precision"]
        return "." + "".join(self.dice.choice("0123456789") for _ in range(digits)) if digits and self.dice.random() < 0.8 else ""

    def day(self):
        return f"{self.dice.choice([1, 1899, 1969, 2000, 2021, 2038, 9999]):04}-{self.dice.randint(1, 12):02}-{self.dice.randint(1, 28):02}"

    def clock(self):
        return f"{self.dice.randint(0, 23):02}:{self.dice.randint(0, 59):02}:{self.dice.randint(0, 59):02}"

    def good(self):
        dice = self.dice
        match self.kind:
            case "integer":
                return str(dice.choice([dice.randint(-50, 60), dice.randint(0, 100_000), 0]))
            case "number":
                return dice.choice(["0", "-1.5", "0.1", "1e22", "123456.789", "-0", "5e-324", "1.7976931348623157e308", "3"])
            case "number_decimal":
                return f"{dice.randint(-99_999, 99_999)}" + (f".{dice.randint(0, 10 ** self.places - 1):0{self.places}}" if self.places else "")
            case "string":
                return dice.choice(WORDS)
            case "string_uuid":
                text = str(uuid.UUID(int=dice.getrandbits(4) << 64 | 7))
                return text.upper() if dice.random() < 0.3 else text
            case "string_binary":
                return base64.b64encode(dice.randbytes(dice.randint(0, 9))).decode()
            case "boolean":
                return dice.choice(["true", "false", "1", "0"])
            case "date":
                return self.day()
            case "time":
                return self.clock() + self.fraction()
            case "datetime":
                return f"{self.day()}T{self.clock()}{self.fraction()}{dice.choice(['Z', '+02:00', '-05:30', ''])}"
            case "year":
                return dice.choice(["1", "0099", "1969", "2021", "9999"])
            case "yearmonth":
                return f"{dice.randint(1900, 2100)}-{dice.randint(1, 12):02}"
            case "duration":
                return dice.choice(["P1D", "PT36H", "P1Y2M3DT4H5M6S"])
            case "object":
                return dice.choice(['{"a": 1}', "{}", '{"ä": "\\t"}'])
            case "array":
                return dice.choice(["[1, 2]", "[]", '["a\\nb"]'])
            case "list":
                return dice.choice(["a,b", "x", "a\\b,c"])
            case "geopoint":
                return dice.choice(["10.5,20", "-180,90"])
            case "any":
                return dice.choice(WORDS)
        raise AssertionError(self.kind)

    def bad(self):
        match self.kind:
            case "integer":
                return self.dice.choice(["x", "1.5", "9223372036854775808", "200000", "-99"])
            case "number":
                return self.dice.choice(["abc", "1e400", "0.30000000000000000001", "NaN"])
            case "number_decimal":
                return self.dice.choice(["1.2345678", "1e30", "x"])
            case "string":
                return self.dice.choice(["x" * 41, "xxx", "Z"])
            case "string_uuid":
                return "not-a-uuid"
            case "string_binary":
                return "%%%"
            case "boolean":
                return "yes"
            case "date":
                return self.dice.choice(["2021-02-30", "30/01/2021", "0000-01-01"])
            case "time":
                return self.dice.choice(["24:00:00", "12:00:00.1234567"])
            case "datetime":
                return self.dice.choice(["2021-02-31T00:00:00Z", "2021-01-01T00:00:60Z", "1850-01-01T00:00:00Z"])
            case "string_email":
                return "nobody"
            case "any":
                return "anything"
        return "?"


KINDS = ["integer", "number", "number_decimal", "string", "string", "string_uuid", "string_binary", "boolean", "date", "time",
         "datetime", "year", "yearmonth", "duration", "object", "array", "list", "geopoint", "any"]
KEY_KINDS = ["integer", "integer", "integer", "string", "string", "number_decimal", "date", "datetime", "string_uuid"]


def cell(text, dice):
    """A value as it may stand in a file."""
    if any(c in text for c in ',"\n\r') or dice.random() < 0.1:
        return '"' + text.replace('"', '""') + '"'
    return text


class Case:
    def __init__(self, seed):
        self.seed, dice = seed, random.Random(seed)
        self.dice = dice
        self.name = "c" + "".join(c if c.isalnum() else "_" for c in str(seed)) + f"_{os.getpid()}"
        self.parents, self.table = f"p_{self.name}", f"t_{self.name}"
        self.key_kind = dice.choice(KEY_KINDS)
        self.fields = [Field("k", dice, self.key_kind)]
        self.fields[0].rules.pop("enum", None)
        self.composite = dice.random() < 0.2
        if self.composite:
            self.fields.append(Field("k2", dice, dice.choice(KEY_KINDS)))
        self.fields += [Field(f"f{i}", dice) for i in range(dice.randint(1, 5))]
        self.fields.append(Field("parent_id", dice, "integer"))
        self.fields[-1].rules = {}
        self.has_key = dice.random() < 0.9
        self.refers_to_itself = self.has_key and not self.composite and self.key_kind == "integer" and dice.random() < 0.5
        if self.refers_to_itself:
            self.fields.append(Field("boss_id", dice, "integer"))
            self.fields[-1].rules = {}
        self.unique = None
        if dice.random() < 0.5:
            self.fields.append(Field("u", dice, dice.choice(KEY_KINDS)))
            self.fields[-1].rules.pop("required", None)
            self.unique = ["u"]
        self.enforce = dice.random() < 0.3

    def config(self, database):
        names = ["k", "k2"] if self.composite else ["k"]
        schema = {"fieldsMatch": "equal", "fields": [field.schema() for field in self.fields],
                  "foreignKeys": [{"fields": ["parent_id"], "reference": {"resource": self.parents, "fields": ["id"]}}]}
        if self.has_key:
            schema["primaryKey"] = names
        if self.refers_to_itself:
            schema["foreignKeys"].append({"fields": ["boss_id"], "reference": {"resource": "", "fields": ["k"]}})
        if self.unique:
            schema["uniqueKeys"] = [self.unique]
        keys = "enforce" if self.enforce else "check"
        return {"database": database, "tables": {
            self.parents: {"schema": {"primaryKey": ["id"], "fields": [{"name": "id", "type": "integer"}]}},
            self.table: {"keys": keys, "checks": "database" if self.enforce else "rowgate", "schema": schema}}}

    def parents_file(self):
        return b"id\n" + b"".join(b"%d\n" % n for n in range(1, 20))

    def row(self, number):
        values = []
        for field in self.fields:
            value = field.good()
            if field.name == "k" and field.kind == "integer":
                value = str(number)
            if field.name == "parent_id":
                value = str(self.dice.choice([*range(1, 20), 20, 99])) if self.dice.random() < 0.9 else ""
            if field.name == "boss_id":
                value = str(self.dice.choice([number - 1, number + 1, number, 500])) if self.dice.random() < 0.7 else ""
            if self.dice.random() < 0.06:
                value = ""
            elif self.dice.random() < 0.025 and field.name not in ("parent_id", "boss_id"):
                value = field.bad()
            values.append(cell(value, self.dice))
        return ",".join(values).encode()

    def dirty_file(self, first):
        dice, end = self.dice, self.dice.choice([b"\n", b"\r\n"])
        lines = [",".join(field.name for field in self.fields).encode()]
        numbers = list(range(first, first + dice.randint(5, 60)))
        if dice.random() < 0.5:
            dice.shuffle(numbers)
        for number in numbers:
            row = self.row(number)
            chance = dice.random()
            if chance < 0.02:
                row += b",more"
            elif chance < 0.04:
                row = row.rpartition(b",")[0] or b"x"
            elif chance < 0.05:
                row += b"\xff\xfe"
            elif chance < 0.06:
                row += b"\x00"
            elif chance < 0.07:
                row = b'"' + row
            elif chance < 0.08:
                row = b'a"' + row
            elif chance < 0.10:
                lines.append(row)  # twice
            elif chance < 0.12:
                lines.append(b"")
            lines.append(row)
        return end.join(lines) + (end if dice.random() < 0.9 else b"")

    def steps(self):
        modes = ["append", "append", "replace", "upsert"] if self.has_key else ["append", "replace"]
        yield self.parents, "append", self.parents_file()
        yield self.table, "append", self.dirty_file(1)
        yield self.table, self.dice.choice(modes), self.dirty_file(self.dice.choice([1, 20, 40]))


class Engine:
    def __init__(self, name, rowgate, database, folder):
        self.name, self.rowgate, self.database, self.folder = name, rowgate, database, folder
        folder.mkdir()

    def call(self, config, *arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8",
                       "DB_PASSWORD": os.environ.get("TESTDB_PASSWORD", "")}
        return subprocess.run([self.rowgate, "-c", str(config), *arguments], cwd=self.folder, env=environment,
                              capture_output=True, timeout=120, check=False)

    def step(self, case, number, table, mode, content):
        """What is to be compared after one file."""
        config = self.folder / f"{case.name}.yaml"
        config.write_text(json.dumps(case.config(self.database)), encoding="utf-8")
        (self.folder / "in.csv").write_bytes(content)
        load = self.call(config, "load", "in.csv", "--table", table, "--mode", mode, "--max-rejects", "100%", "--yes", "--json")
        seen = {"exit": load.returncode}
        try:
            run = json.loads(load.stdout)
        except ValueError:
            return {**seen, "out": load.stdout.decode(), "err": load.stderr.decode()}
        seen["receipt"] = {key: run.get(key) for key in RUN_MEMBERS}
        rejects = self.call(config, "rejects", run["id"], "--format", "jsonl")
        seen["rejects"] = [{key: value for key, value in json.loads(line).items() if key != "run"}
                           for line in rejects.stdout.decode().splitlines()]
        rows = self.call(config, "rows", table, "--format", "csv")
        seen["rows"] = list(csv.reader(io.StringIO(rows.stdout.decode(), newline="")))
        # SQLite keeps decimals as texts, which sort as such.
        if not case.has_key or "number_decimal" in [field.kind for field in case.fields[:2]]:
            seen["rows"] = sorted(seen["rows"])
        if rows.returncode != 0:
            seen["rows"] = rows.stderr.decode()
        return seen


def differences(reference, other):
    for key in sorted(set(reference) | set(other)):
        left, right = reference.get(key), other.get(key)
        if left != right:
            if isinstance(left, list) and isinstance(right, list):
                only_left = [row for row in left if row not in right][:3]
                only_right = [row for row in right if row not in left][:3]
                yield f"{key}: {len(left)} and {len(right)}; only there {only_left}; only here {only_right}"
            else:
                yield f"{key}: {json.dumps(left, ensure_ascii=False)[:1500]}\n   and {json.dumps(right, ensure_ascii=False)[:1500]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rowgate", required=True, type=pathlib.Path)
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--seed", help="of the first case; or that of one case, with its number: 17-42")
    arguments = parser.parse_args()
    base = arguments.seed or str(random.SystemRandom().randrange(10 ** 6))
    seeds = [base] if "-" in base else [f"{base}-{n}" for n in range((arguments.files + 2) // 3)]
    print(f"seed {base}", flush=True)
    password = {"env": "DB_PASSWORD"}
    databases = {"sqlite": {"url": "sqlite:./d.db"}, "mysql": {"url": os.environ["TESTDB_MYSQL"], "password": password},
                 "postgresql": {"url": os.environ["TESTDB_POSTGRESQL"], "password": password}}
    codes, files, wrong = collections.Counter(), 0, 0
    with tempfile.TemporaryDirectory(prefix="rowgate-differential.") as scratch:
        rowgate = str(arguments.rowgate.resolve())
        engines = [Engine(name, rowgate, database, pathlib.Path(scratch) / name) for name, database in databases.items()]
        for seed in seeds:
            case = Case(seed)
            for number, (table, mode, content) in enumerate(case.steps()):
                seen = [engine.step(case, number, table, mode, content) for engine in engines]
                files += 1
                for group in seen[0].get("receipt", {}).get("rejects", []):
                    codes[group["code"]] += group["count"]
                for engine, other in zip(engines[1:], seen[1:]):
                    for text in differences(seen[0], other):
                        wrong += 1
                        print(f"case {seed}, file {number}, {mode}: sqlite and {engine.name} differ in {text}", flush=True)
                if "receipt" not in seen[0]:
                    wrong += 1
                    print(f"case {seed}, file {number}, {mode}: {seen[0]}", flush=True)
    for code, count in sorted(codes.items()):
        print(f"  {code} {count}")
    print(f"{files} files, {sum(codes.values())} refusals of {len(codes)} codes, {wrong} differences")
    if wrong:
        sys.exit(f"replay one case with --seed {base.partition('-')[0]}-N")
    print(f"{files} files held")


if __name__ == "__main__":
    main()
