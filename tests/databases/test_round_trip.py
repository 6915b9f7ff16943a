"""What is stored comes back: any table that is exported as CSV and loaded again is equal, over all types and on all engines."""

import base64
import random

import pytest
import yaml
from places import Place

TEXTS = ["", " ", "a", "A", "a b", "\u00e4\u00df\u0130", "\U0001f600", 'say "x"', "a,b;c", "line\nfeed", "cr\rlf\r\n", "=1+1", "@x", "'", "\\N",
         "\t", "NULL", "null", "0", "-0", "1e5", "true", "\ufeffx"]


def digits(rng, most):
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(1, most)))


def year(rng):
    return rng.choice([rng.randint(1000, 9999), rng.randint(0, 999), -rng.randint(1, 999), -rng.randint(1000, 9999), 0, 1, -5])


def year_text(number):
    return f"{'-' if number < 0 else ''}{abs(number):04}"


def date(rng):
    return f"{rng.choice([1, 33, 999, 1000, 1970, 2024, 9999]):04}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def time(rng, places):
    text = f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    return text + (f".{rng.randint(0, 10 ** places - 1):0{places}}" if places else "")


# The field, and how a value of it is written as rowgate writes it.
FIELDS = {
    "integer": ({"type": "integer"}, lambda rng: str(rng.choice([0, 1, -1, 2**63 - 1, -(2**63), rng.randint(-10**18, 10**18)]))),
    "number": ({"type": "number"}, lambda rng: repr(rng.choice([0.1, -2.5, 1e-5, 123456.789, rng.uniform(-1e6, 1e6)]))),
    "decimal": ({"type": "number", "rowgate:decimal": [15, 4]}, lambda rng: f"{rng.choice(['', '-'])}{rng.randint(1, 10**11 - 1)}.{rng.randint(0, 9999):04}"),
    "long": ({"type": "number", "rowgate:decimal": [30, 6]}, lambda rng: f"{rng.randint(1, 9)}{digits(rng, 20)}.{rng.randint(0, 999999):06}"),
    "boolean": ({"type": "boolean"}, lambda rng: rng.choice(["true", "false"])),
    "string": ({"type": "string", "constraints": {"maxLength": 50}}, lambda rng: rng.choice(TEXTS)),
    "uuid": ({"type": "string", "format": "uuid"}, lambda rng: f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4000-8000-"
                                                               f"{rng.getrandbits(48):012x}"),
    "binary": ({"type": "string", "format": "binary"}, lambda rng: base64.b64encode(rng.randbytes(rng.randint(1, 9))).decode()),
    "date": ({"type": "date"}, date),
    "time": ({"type": "time"}, lambda rng: time(rng, 0)),
    "time6": ({"type": "time", "rowgate:precision": 6}, lambda rng: time(rng, 6)),
    "datetime": ({"type": "datetime"}, lambda rng: f"{date(rng)}T{time(rng, 0)}Z"),
    "datetime3": ({"type": "datetime", "rowgate:precision": 3}, lambda rng: f"{date(rng)}T{time(rng, 3)}Z"),
    "year": ({"type": "year"}, lambda rng: year_text(year(rng))),
    "yearmonth": ({"type": "yearmonth"}, lambda rng: date(rng)[:7]),
}


def quoted(value):
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def configure(place, fields):
    table = {"dialect": {"header": True}, "schema": {"fields": fields, "missingValues": [""]}}
    config = {"tables": {"t": table, "u": table}}
    if place.kind == "sqlite":
        config["database"] = {"url": "sqlite:./data/rowgate.db"}
    (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def columns_of(rng):
    """All types at once, one alone, or some."""
    names = list(FIELDS)
    many = rng.choice([len(names), 1, rng.randint(2, 5)])
    return rng.sample(names, many)


@pytest.mark.parametrize("kind", ["sqlite", "mysql", "postgresql"])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_exported_loads_again(kind, seed, tmp_path):
    rng = random.Random(seed)
    names = columns_of(rng)
    place = Place(kind, tmp_path)
    try:
        configure(place, [{"name": name, **FIELDS[name][0]} for name in names])
        lines = [",".join(names)]
        for _ in range(40):
            cells = [quoted(None if rng.random() < 0.2 else FIELDS[name][1](rng)) for name in names]
            lines.append(",".join(cells if any(cells) else ['""', *cells[1:]]))  # else the line is blank
        (place.folder / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
        place.rowgate("load", "t.csv")
        exported = place.rowgate("rows", "t", "--format", "csv")
        (place.folder / "u.csv").write_bytes(exported)
        place.rowgate("load", "u.csv")
        assert place.rowgate("rows", "u", "--format", "csv") == exported
        assert place.rowgate("rows", "u", "--format", "json") == place.rowgate("rows", "t", "--format", "json")
        assert exported.count(b"\r\n") >= 41
    finally:
        place.drop()


@pytest.mark.parametrize("kind", ["sqlite", "mysql", "postgresql"])
def test_years_of_any_age(kind, tmp_path):
    place = Place(kind, tmp_path)
    try:
        configure(place, [{"name": "y", "type": "year"}])
        years = ["0001", "-0005", "0000", "0999", "2021", "-4713", "9999"]
        (place.folder / "t.csv").write_text("y\n" + "\n".join(years) + "\n")
        place.rowgate("load", "t.csv")
        assert place.rowgate("rows", "t", "--format", "csv").decode().split() == ["y", *years]
    finally:
        place.drop()
