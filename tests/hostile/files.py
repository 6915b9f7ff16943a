"""Hostile files by name: a table's columns, and pieces of bytes that go on until a size is reached."""

import base64
import gzip
import itertools
import pathlib
import random
import struct
import subprocess

import yaml

from sizes import DEFAULTS, FIELD, KIB, LIMITS, LINES, MIB, UNPACKED, either

COLUMNS = 1024  # limits.max_columns


def names(count):
    return [f"c{number}" for number in range(count)]


def fields(count, kind, **more):
    return [{"name": name, "type": kind, **more} for name in names(count)]


RULES = {"minLength": 2, "pattern": "[0-9]+", "enum": ["11", "22"]}
TABLES = {
    "one": {"fields": [{"name": "a", "type": "integer"}]},
    "two": {"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "string"}]},
    "keyed": {"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "string", "constraints": {"maxLength": 700}}],
              "primaryKey": ["a"], "uniqueKeys": [["b"]]},
    "children": {"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}],
                 "foreignKeys": [{"fields": ["a"], "reference": {"resource": "keyed", "fields": ["a"]}}]},
    "integers": {"fields": fields(COLUMNS, "integer")},
    "texts": {"fields": fields(COLUMNS, "string")},
    "ruled": {"fields": fields(COLUMNS, "string", constraints=RULES)},
    "json": {"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "object"}]},
}


def configure(folder, **more):
    """A rowgate.yaml with the tables of files.py."""
    tables = {name: {"schema": schema} for name, schema in TABLES.items()}
    limits = {name: value for name, value in LIMITS.items() if DEFAULTS.get(name) != value}
    settings = {"database": {"url": "sqlite:./data/rowgate.db"}, "limits": limits, "tables": tables, **more}
    (folder / "rowgate.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder


def write(path, *pieces):
    """Pieces are bytes, (bytes, times), or iterables of bytes; the number of bytes written."""
    with open(path, "wb") as file:
        for piece in pieces:
            if isinstance(piece, bytes):
                file.write(piece)
            elif isinstance(piece, tuple):
                unit, times = piece
                each = max(1, MIB // len(unit))
                block = unit * min(each, times)
                for _ in range(times // each):
                    file.write(block)
                file.write(unit * (times % each))
            else:
                file.writelines(piece)
    return path.stat().st_size


def filled(unit, size):
    """`unit` until there are `size` bytes."""
    return unit, max(1, size // len(unit))


def row(*cells):
    return ",".join(str(cell) for cell in cells).encode() + b"\n"


def rows_of(make, size):
    """make(number) for 0, 1, ... until there are `size` bytes."""
    written = 0
    for number in itertools.count():
        piece = make(number)
        written += len(piece)
        if written > size:
            return
        yield piece


def noise(size, seed=1):
    """Text that hardly shrinks."""
    return base64.b64encode(random.Random(seed).randbytes(size * 3 // 4 + 3))[:size]


ROWS = either(LINES, LINES // 8)  # of a file whose every row is refused, which takes ten times as long
TWO = b"a,b\n1,good\n"  # one row is good, so that nobody knows before the end that the load fails
WIDE = ",".join(names(COLUMNS)).encode() + b"\n"
GOOD_INTEGERS = row(*range(COLUMNS))


def benign(path):
    return write(path, b"a,b\n", rows_of(lambda number: b"%d,Name%d Surname%d\n" % (number, number % 997, number % 91), LINES))


# By name: the table, and what writes the file.
FILES = {
    # lines
    "line feeds": ("two", lambda path: write(path, TWO, filled(b"\n", LINES))),
    "carriage returns": ("two", lambda path: write(path, TWO, filled(b"\r", LINES))),
    "both": ("two", lambda path: write(path, TWO, filled(b"\r\n", LINES))),
    "rows of one byte": ("one", lambda path: write(path, b"a\n", filled(b"1\n", LINES))),
    "rows of one bad byte": ("one", lambda path: write(path, b"a\n1\n", filled(b"x\n", ROWS))),
    "rows of x,": ("two", lambda path: write(path, TWO, filled(b"x,\n", ROWS))),
    "rows of commas": ("two", lambda path: write(path, TWO, filled(b",\n", LINES))),
    "rows that are short": ("two", lambda path: write(path, TWO, filled(b"1\n", ROWS))),
    "rows that are long": ("two", lambda path: write(path, TWO, filled(b"1,2,3\n", ROWS))),
    "NULs": ("two", lambda path: write(path, TWO, filled(b"\0", LINES))),
    "rows of NULs": ("two", lambda path: write(path, TWO, filled(b"\0\n", ROWS))),
    "bytes that are no UTF-8": ("two", lambda path: write(path, TWO, filled(b"1,\xff\xfe\n", ROWS))),
    "bytes at random": ("two", lambda path: write(path, TWO, rows_of(lambda seed: random.Random(seed).randbytes(MIB), LINES))),
    # quotes
    "quotes, even": ("two", lambda path: write(path, TWO, (b'"', LINES))),
    "quotes, odd": ("two", lambda path: write(path, TWO, (b'"', LINES + 1))),
    "quotes and commas": ("two", lambda path: write(path, TWO, filled(b'",', LINES))),
    "quotes amid text": ("two", lambda path: write(path, TWO, filled(b'"a"b,\n', ROWS))),
    "a quote without end": ("two", lambda path: write(path, TWO, filled(b"2,some text\n", MIB), b'3,"',
                                                      filled(b"4,some text\n", FIELD))),
    "quotes without end": ("two", lambda path: write(path, TWO, filled(b'1,"\n' + b"2,text\n" * 30, LINES))),
    # large things
    "a bare field": ("two", lambda path: write(path, TWO, b"1,", (b"x", FIELD), b"\n2,good\n")),
    "a quoted field": ("two", lambda path: write(path, TWO, b'1,"', (b"x", FIELD), b'"\n2,good\n')),
    "a quoted field of lines": ("two", lambda path: write(path, TWO, b'1,"', (b"\n", FIELD), b'"\n2,good\n')),
    "fields at the limit": ("two", lambda path: write(path, TWO, rows_of(lambda number: b"1,%s\n" % noise(MIB, number), LINES))),
    "fields beyond the limit": ("two", lambda path: write(path, TWO, rows_of(lambda number: b"1,%s\n" % (b"y" * (MIB + 1)), LINES))),
    "bad records at the limit": ("texts", lambda path: write(path, WIDE, filled(
        b",".join([b"z" * (1000 * KIB)] * 4 + [b"\xff"]) + b"," * (COLUMNS - 5) + b"\n", LINES))),
    # columns
    "commas": ("two", lambda path: write(path, TWO, filled(b",", LINES))),
    "a header of commas": ("two", lambda path: write(path, filled(b",", LINES), b"\n1,2\n")),
    "a header of a million columns": ("two", lambda path: write(path, b",".join(b"c%d" % n for n in range(10**6)), b"\n1,2\n")),
    "a header without end": ("two", lambda path: write(path, (b"x", FIELD))),
    "bad integers": ("integers", lambda path: write(path, WIDE, GOOD_INTEGERS, filled(b",".join([b"x"] * COLUMNS) + b"\n", ROWS))),
    "three rules broken": ("ruled", lambda path: write(path, WIDE, b",".join([b"11"] * COLUMNS) + b"\n",
                                                       filled(b",".join([b"x"] * COLUMNS) + b"\n", ROWS))),
    "empty cells": ("texts", lambda path: write(path, WIDE, filled(b"a" + b"," * (COLUMNS - 1) + b"\n", LINES))),
    "empty quoted cells": ("texts", lambda path: write(path, WIDE, filled(b",".join([b'""'] * COLUMNS) + b"\n", LINES))),
    # keys
    "one key again and again": ("keyed", lambda path: write(path, TWO, filled(b"1,y\n", ROWS))),
    "keys backwards": ("keyed", lambda path: write(path, b"a,b\n", rows_of(lambda number: b"%d,%d\n" % (10**9 - number, number), LINES))),
    "long keys": ("keyed", lambda path: write(path, b"a,b\n", rows_of(
        lambda number: b"%d,%s%d\n" % (number, b"k" * 690, number), LINES))),
    "no parents": ("children", lambda path: write(path, b"a,b\n", rows_of(lambda number: b"%d,1\n" % number, ROWS))),
    # values
    "rejects that do not shrink": ("two", lambda path: write(path, TWO, rows_of(
        lambda number: b"x%d,%s\n" % (number, noise(4000, number)), LINES + 2 * MIB))),
    "nested JSON": ("json", lambda path: write(path, b"a,b\n1,{}\n", filled(b'1,"' + b'{""a"":[' * 1000 + b'"\n', LINES // 4),
                                               b'1,"' + b"[" * (900 * KIB) + b'"\n')),
}


def compress(path, *pieces):
    """gzip at its best, of pieces as in write()."""
    plain = path.with_suffix(".plain")
    size = write(plain, *pieces)
    with open(path, "wb") as file:
        subprocess.run(["gzip", "-9", "-c", str(plain)], stdout=file, check=True)
    plain.unlink()
    return size


def zstd(path, *pieces):
    plain = path.with_suffix(".plain")
    size = write(plain, *pieces)
    subprocess.run(["zstd", "-q", "-19", "--rm", "-f", str(plain), "-o", str(path)], check=True)
    return size


def skippable(size):
    return struct.pack("<II", 0x184D2A50, size) + bytes(size)


SEVENTY_FOLD = noise(56 * KIB) + b"x" * (3 * MIB)  # as much as gzip may make of it, with limits.max_ratio of 100

# By name: the table, and what writes the file and gives the bytes that it unpacks to.
PACKED = {
    "a gzip bomb": ("two", lambda path: compress(path, TWO, (b"0", UNPACKED))),
    "a gzip bomb of lines": ("two", lambda path: compress(path, TWO, (b"\n", UNPACKED))),
    "a zstd bomb": ("two", lambda path: zstd(path, TWO, (b"0", UNPACKED))),
    "a large field in gzip": ("two", lambda path: compress(path, TWO, b"1,", (SEVENTY_FOLD, UNPACKED // len(SEVENTY_FOLD)),
                                                           b"\n2,good\n")),
    "rejects in gzip": ("integers", lambda path: compress(path, WIDE, GOOD_INTEGERS, (
        row(noise(40, number).decode() + b",".join([b"x"] * COLUMNS).decode()) for number in range(LINES // 2048 // 4)))),
    "empty gzip members": ("two", lambda path: write(path, gzip.compress(TWO), filled(gzip.compress(b""), LINES)) and len(TWO)),
    "frames to skip": ("two", lambda path: write(path, (skippable(0), LINES // 8))),
    "a large frame to skip": ("two", lambda path: write(path, struct.pack("<II", 0x184D2A50, LINES), (b"\0", LINES))),
}


def folder_bytes(folder):
    """Bytes of the files in it, those that another process removes meanwhile aside."""
    total = 0
    for path in pathlib.Path(folder).rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            pass
    return total
