"""Values that a database would change in silence: refused, or in the table just as they stand in the file."""

import json

import pytest
from places import sql

TABLE = """
tables:
  badges:
    dialect: {header: true}
    schema:
      primaryKey: [badge]
      fields:
        - {name: badge, type: string, constraints: {required: true, maxLength: 8}}
        - {name: issued, type: date}
        - {name: weight, type: number}
"""

# What stands in the file behind a good row, and the code that refuses it.
REFUSED = {
    "too long": (b"A12345678,2021-02-28,1.5", "rule.max_length"),
    "31 February": (b"B,2021-02-31,1.5", "value.not_date"),
    "too large a number": (b"C,2021-02-28,1e400", "value.out_of_range"),
    "not UTF-8": (b"D\xff\xfe,2021-02-28,1.5", "record.not_utf8"),
    "the same key": (b"GOOD,2021-02-28,1.5", "key.duplicate_in_file"),
}

# Keys that look alike to a collation, or lose something to one.
KEPT = ["a", "A", "a ", "a  ", " a", "\u00e4", "a\u0308", "a\\", "a'"]


@pytest.fixture
def badges(place):
    (place.folder / "rowgate.yaml").write_text(TABLE)
    return place


@pytest.mark.parametrize("row, code", REFUSED.values(), ids=REFUSED)
def test_what_would_be_changed_is_refused(badges, row, code):
    (badges.folder / "badges.csv").write_bytes(b"badge,issued,weight\nGOOD,2021-02-28,0.1\n" + row + b"\n")
    run = json.loads(badges.rowgate("load", "badges.csv", "--json", "--max-rejects", "100%", code=None))
    assert (run["rows"]["read"], run["rows"]["accepted"], run["rows"]["rejected"]) == (2, 1, 1), run
    assert [(one["code"], one["first_line"]) for one in run["rejects"]] == [(code, 3)]
    assert row in badges.rowgate("rejects", "export", run["id"], "--output", "-")
    assert sql(badges.kind, f"SELECT badge FROM {badges.space}.badges") == "GOOD"


def test_keys_that_look_alike_are_kept_apart_and_whole(badges):
    lines = [f'"{key}",,\n' for key in KEPT]
    (badges.folder / "badges.csv").write_text("badge,issued,weight\n" + "".join(lines), encoding="utf-8")
    badges.rowgate("load", "badges.csv")
    hexes = "hex(badge)" if badges.kind == "mysql" else "upper(encode(convert_to(badge, 'UTF8'), 'hex'))"
    stored = sql(badges.kind, f"SELECT {hexes} FROM {badges.space}.badges").split()
    assert sorted(stored) == sorted(key.encode().hex().upper() for key in KEPT)
