"""What bad files may cost where nothing but the share of bad rows is configured: memory, and disk for what is refused."""

import pathlib
import re

import pytest

from files import COLUMNS, GOOD_INTEGERS, PACKED, TWO, WIDE, configure, filled, folder_bytes, write
from sizes import COMMAND_MIB, KEPT_MORE, KEPT_PER_BYTE, MIB
from test_hostile_files import VERDICTS, Measured
from test_hostile_uploads import CSV, run_of

SIZE = 10 * MIB
BAD = b",".join([b"x"] * COLUMNS) + b"\n"
# By name: the table, how many rows may be refused, and the file.
FILES = {
    "bad integers": ("integers", "100%", [WIDE, GOOD_INTEGERS, filled(BAD, SIZE)]),
    "three rules broken in each cell": ("ruled", 1, [WIDE, filled(BAD, SIZE)]),
    "empty cells": ("texts", "100%", [WIDE, filled(b"a" + b"," * (COLUMNS - 1) + b"\n", SIZE)]),
}


@pytest.mark.parametrize("name", FILES)
def test_a_load_takes_little_memory_and_disk(rowgate, tmp_path, name):
    table, most, pieces = FILES[name]
    folder = configure(tmp_path, limits={"max_rejects": most})
    size = write(folder / "hostile.csv", *pieces)
    done = Measured(folder, rowgate, "load", "hostile.csv", "--table", table)
    assert done.code in VERDICTS, done.text
    kept = folder_bytes(folder / "data" / "files")
    print(f"{name}: {done.mib:.1f} MiB of memory, {kept / MIB:.2f} MiB kept of {size / MIB:.1f}")
    assert kept <= KEPT_PER_BYTE * size + KEPT_MORE
    assert done.mib <= COMMAND_MIB


def test_a_large_reject_is_read_in_little_memory(serve, tmp_path):
    server = serve(limits={"max_rejects": "100%", "sync_wait": "60s"})
    assert server.post("/v1/tables/two/loads", TWO).status == 200
    path = tmp_path / "hostile.csv"
    PACKED["a large field in gzip"][1](path)
    run = run_of(server.upload("/v1/tables/two/loads", path))
    assert server.ended(run, 600)["rows"]["rejected"] == 1
    for target, headers in ((f"/v1/runs/{run}/rejects?limit=1", {}), (f"/v1/runs/{run}/rejects", CSV)):
        with server.within(f"{target} {headers}") as cost:
            answer, size = server.drain("GET", target, headers=headers)
            cost.said = f"{size} bytes"
        assert answer.status == 200, answer


def bytes_read(server):
    return int(re.search(r"rchar: (\d+)", pathlib.Path(f"/proc/{server.process.pid}/io").read_text())[1])


def test_the_last_page_of_rejects_costs_no_more_than_the_first(serve):
    server = serve(limits={"max_rejects": "100%", "sync_wait": "60s"})
    body = TWO + b"".join(b"x%d,%d\n" % (number, number * 7919 % 1000003) for number in range(50_000))
    run = run_of(server.post("/v1/tables/two/loads", body))
    assert server.ended(run, 600)["rows"]["rejected"] == 50_000
    target, seen, costs = f"/v1/runs/{run}/rejects?limit=1000", 0, []
    while target:
        before = bytes_read(server)
        page = server.get(target).json
        costs.append(bytes_read(server) - before)
        seen += len(page["items"])
        target = page["next"] and f"/v1/runs/{run}/rejects?limit=1000&cursor={page['next']}"
    assert seen == 50_000
    assert max(costs[-2:]) <= 4 * costs[0] + MIB, costs
