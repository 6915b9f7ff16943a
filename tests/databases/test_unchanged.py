"""A table that is made of a file alone gives the file back: every text of it, in the very form that it had."""

import datetime
import json
import random
import subprocess

import pytest
from places import ROWGATE


@pytest.fixture
def place(any_place):
    return any_place


def as_java(value):
    """Double.toString of JDK 19: shortest digits, plain from 10^-3 to 10^7."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    digits, _, exponent = f"{value:e}".partition("e")
    shortest = repr(value)
    if "e" in shortest:
        digits = shortest.partition("e")[0]
    else:
        plain = shortest.replace(".", "").replace("-", "").strip("0") or "0"
        digits = ("-" if value < 0 else "") + plain[0] + "." + (plain[1:] or "0")
    return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def offset_times(offset, digits):
    def write(chance):
        moment = datetime.datetime(chance.randint(2, 9998), chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23),
                                   chance.randint(0, 59), chance.randint(0, 59))
        fraction = "." + f"{chance.randrange(10 ** digits):0{digits}}" if digits else ""
        return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S}{fraction}{offset}"
    return write


def real(chance):
    return chance.choice([chance.randint(-1000, 1000) / 4, chance.uniform(-1e9, 1e9), chance.uniform(-1, 1) * 10.0 ** chance.randint(-30, 30)])


COLUMNS = {
    "whole": lambda chance: str(chance.randint(-(2 ** 63), 2 ** 63 - 1)),
    "zip": lambda chance: f"{chance.randrange(100000):05}",
    "codes": lambda chance: f"{chance.randint(1, 99)}E{chance.randint(0, 9)}",
    "price": lambda chance: f"{chance.randint(-99999, 99999) / 100 or 0.01:.2f}",
    "long": lambda chance: f"{chance.randint(1, 10 ** 20)}.{chance.randrange(10 ** 9):09}",
    "python": lambda chance: repr(real(chance)),
    "java": lambda chance: as_java(real(chance)),
    "quarter": lambda chance: f"{chance.randint(-40, 40) / 4:g}",
    "mixed": lambda chance: chance.choice(["1.1", "1.10", "2"]),
    "words": lambda chance: chance.choice(["True", "False"]),
    "loud": lambda chance: chance.choice(["TRUE", "FALSE"]),
    "either": lambda chance: chance.choice(["true", "FALSE"]),
    "day": lambda chance: f"{chance.randint(1, 9999):04}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
    "local": offset_times("", 0),
    "utc": offset_times("Z", 0),
    "zero": offset_times("+00:00", 3),
    "india": offset_times("+05:30", 6),
    "tenths": offset_times("-11:00", 1),
    "text": lambda chance: chance.choice(["NA", " 1", "1 ", "+1", "0x10", "1,5", "\u0661", "2021-1-1", "null"]),
}


def random_file(seed):
    """Columns in any order, some cells empty, one kind of text in each column."""
    chance = random.Random(seed)
    names = list(COLUMNS)
    chance.shuffle(names)
    lines = [",".join(["id", *names])]
    for number in range(40):
        cells = [str(number)] + ["" if chance.random() < 0.1 else COLUMNS[name](chance) for name in names]
        lines.append(",".join(f'"{cell}"' if "," in cell else cell for cell in cells))
    return "\r\n".join(lines) + "\r\n"


def target(place):
    """A database without a configuration: what a table is, its first file says."""
    return "--to", "sqlite:facts.db" if place.kind == "sqlite" else place.environment["ROWGATE_DATABASE__URL"]


def load(place, text):
    (place.folder / "facts.csv").write_bytes(text.encode())
    return place.rowgate("load", "facts.csv", "--table", "facts", "--mode", "replace", "--yes", *target(place))


def rows(place, form="csv"):
    return place.rowgate("rows", "facts", "--format", form, *target(place)).decode()


@pytest.mark.parametrize("seed", range(4))
def test_every_text_of_a_file_comes_back(place, seed):
    text = random_file(seed)
    load(place, text)
    assert rows(place) == text
    load(place, text)
    assert rows(place) == text


def test_json_has_the_canonical_values(place):
    load(place, "id,at,done,size\n1,2021-11-07T02:48:42+01:00,True,25.0\n")
    assert json.loads(rows(place, "json")) == [
        {"id": 1, "at": "2021-11-07T01:48:42Z", "done": True, "size": 25}]


def test_a_table_that_is_loaded_anew_keeps_the_types_that_still_fit(place):
    """A later file with less in it does not make numbers of the codes of the first one."""
    load(place, "Zip Code,price\n00501,1.10\n02134,2.25\n")
    load(place, "Zip Code,price\n10001,3.00\n")
    assert rows(place) == "Zip_Code,price\r\n10001,3.00\r\n"
    load(place, "Zip Code,price\n10001,3.5\n00501,\n")
    assert rows(place) == "Zip_Code,price\r\n10001,3.5\r\n00501,\r\n"


def test_notes_say_what_is_kept_as_text_and_why(place):
    (place.folder / "facts.csv").write_text("price,code\n1.1,5E0\n1.10,12E3\n")
    said = subprocess.run([ROWGATE, "load", "facts.csv", "--table", "facts", *target(place)], cwd=place.folder, check=True,
                          env=place.environment, capture_output=True, text=True).stderr
    assert "price: every value fits the type number, but they are written in more than one way, as in lines 2 and 3" in said
    assert "code: every value fits the type number, but no known form gives its texts back" in said
    assert rows(place) == "price,code\r\n1.1,5E0\r\n1.10,12E3\r\n"
