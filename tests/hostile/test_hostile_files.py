"""Hostile files on the command line: what `load`, `validate` and `schema infer` take of memory, disk and work."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from files import FILES, PACKED, benign, configure, folder_bytes
from sizes import COMMAND_MIB, KEPT_MORE, KEPT_PER_BYTE, LIMITS, MIB

MEASURED = str(pathlib.Path(__file__).parent / "measured.py")
VERDICTS = (0, 3, 4)  # all is well, the file is refused, rows are refused
MOST_WORK = 40  # times the CPU seconds that a benign file costs for each byte
LEAST_SECONDS = 2.0  # what is not work by the byte: starting, reading a configuration of thousands of columns, the machine's noise
SAID_BYTES = 64 * 1024


class Measured:
    def __init__(self, folder, rowgate, *arguments):
        result = folder / "measured.json"
        with open(folder / "said.txt", "wb") as said:
            subprocess.run([sys.executable, "-I", "-S", MEASURED, str(result), rowgate, *arguments], cwd=folder, check=True,
                           stdout=said, stderr=subprocess.STDOUT)
        self.said = (folder / "said.txt").stat().st_size
        with open(folder / "said.txt", "rb") as said:
            self.text = said.read(2000).decode("utf-8", "replace")
        self.__dict__.update(json.loads(result.read_text()))


@pytest.fixture(scope="module")
def seconds_per_byte(rowgate, tmp_path_factory):
    """Of a load of a benign file."""
    folder = configure(tmp_path_factory.mktemp("benign"))
    size = benign(folder / "benign.csv")
    done = Measured(folder, rowgate, "load", "benign.csv", "--table", "two", "--quiet")
    assert done.code == 0, done.text
    return done.seconds / size


@pytest.fixture(scope="module", params=[*FILES, *PACKED])
def hostile(request, tmp_path_factory):
    """(name, folder, table, bytes that are read)"""
    folder = configure(tmp_path_factory.mktemp("hostile"))
    table, make = {**FILES, **PACKED}[request.param]
    yield request.param, folder, table, make(folder / "hostile.csv")
    shutil.rmtree(folder)


@pytest.mark.parametrize("command", ["validate", "load", "infer"])
def test_a_command_stays_within_its_bounds(rowgate, hostile, seconds_per_byte, command):
    name, folder, table, size = hostile
    size = max(size, (folder / "hostile.csv").stat().st_size)
    arguments = ["schema", "infer", "hostile.csv"] if command == "infer" else [command, "hostile.csv", "--table", table]
    done = Measured(folder, rowgate, *arguments)

    kept = folder_bytes(folder / "data" / "files")
    allowed = LEAST_SECONDS + MOST_WORK * seconds_per_byte * size
    print(f"{command} {name}: {size / MIB:.1f} MiB, code {done.code}, {done.mib:.1f} MiB of memory, {done.seconds:.2f} of "
          f"{allowed:.1f} s, {kept / MIB:.2f} MiB kept, {done.said} bytes said")
    assert done.code in VERDICTS, done.text
    assert done.mib <= COMMAND_MIB
    assert done.seconds <= allowed
    assert kept <= min(KEPT_PER_BYTE * size + KEPT_MORE, LIMITS["max_reject_bytes"] + KEPT_MORE)
    assert folder_bytes(folder / "data" / "spool") <= MIB
    assert done.said <= SAID_BYTES or command == "infer"
