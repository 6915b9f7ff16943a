"""What schemathesis cannot know of the API by its description: how a CSV file looks. Loaded by it, not by pytest."""

import itertools

import schemathesis
from hypothesis import strategies

NAMES = strategies.text(strategies.characters(codec="utf-8", categories=("L", "N", "P", "Z")), max_size=30)
ROWS = strategies.lists(strategies.tuples(strategies.integers(-1, 10**6) | strategies.just(""), NAMES), max_size=8)
HEADERS = strategies.sampled_from(["id,job", "id,department", "job,id", "id;job", "id", "id,job,job", '"id","job"'])


def as_csv(header, rows):
    lines = [header] + ['{},"{}"'.format(number, name.replace('"', '""')) for number, name in rows]
    return "\r\n".join(lines).encode() + b"\r\n"


# Mostly files, and now and then any bytes at all.
FILES = strategies.builds(as_csv, HEADERS, ROWS) | strategies.builds(as_csv, HEADERS, ROWS) | strategies.binary(max_size=200)

schemathesis.openapi.media_type("text/csv", FILES, aliases=["application/csv"])

ADDRESSES = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):  # pylint: disable=unused-argument
    """Each request from an address of its own: some come with wrong keys on purpose, and ten of those close an address."""
    number = next(ADDRESSES)
    case.headers = {**(case.headers or {}), "X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
