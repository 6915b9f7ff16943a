"""Peak memory of rowgate on a large CSV of hired employees, its keys shuffled: load, validate and schema infer.

  python3 tools/memory.py [MIB...]     sizes of the files, by default 100 and 1024

The schema is that of the example: a primary key, and two foreign keys whose tables are loaded before. Prints the greatest
resident set size that the kernel saw for each command (ru_maxrss), and its growth from the first to the last size; fails
when one is above its bound.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from bench import BUILD  # noqa: E402

FILE = "many.csv"
# By command: its arguments and the most MiB that it may take.
COMMANDS = {
    "validate": (["validate", FILE, "--table", "hired_employees"], 150),
    "schema infer": (["schema", "infer", FILE], 100),
    "load": (["load", FILE, "--table", "hired_employees"], 150),
}
MOST_GROWTH_MIB = 8
STEP = 1_000_000_007  # a prime larger than any number of rows here


def write_shuffled(path, size_bytes):
    """Rows until the size is reached, with the ids 1 to n in an order that jumps: i * STEP modulo n."""
    rows = size_bytes // 48
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("id,name,datetime,department_id,job_id\n")
        for i in range(rows):
            identity = i * STEP % rows + 1
            mixed = i * 2654435761 % 4294967296
            file.write(f"{identity},Name{mixed % 997} Surn{mixed % 91},20{10 + mixed % 13}-{1 + mixed % 12:02}-"
                       f"{1 + mixed % 28:02}T{mixed % 24:02}:{mixed % 60:02}:{mixed % 59:02}Z,{1 + mixed % 12},"
                       f"{1 + mixed % 183}\n")
    return rows


def rowgate(arguments, where):
    """CPU seconds and peak MiB of a command that must succeed."""
    process = subprocess.Popen([BUILD / "rowgate", *arguments, "--quiet"], cwd=where, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{arguments} ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(size_mib):
    """Peak MiB by command on a file of that size."""
    peaks = {}
    with tempfile.TemporaryDirectory(prefix="rowgate-memory-") as folder:
        where = pathlib.Path(folder)
        rowgate(["init", "--example", "hr"], where)
        rowgate(["load", "departments.csv", "jobs.csv"], where)
        rows = write_shuffled(where / FILE, size_mib * 1024 * 1024)
        print(f"{(where / FILE).stat().st_size / 1024 / 1024:,.0f} MiB, {rows:,} rows", flush=True)
        for name, (arguments, _) in COMMANDS.items():
            seconds, peaks[name] = rowgate(arguments, where)
            print(f"  {name:<14}{peaks[name]:>8.1f} MiB{seconds:>8.1f} CPU s", flush=True)
    return peaks


def main():
    sizes = [int(text) for text in sys.argv[1:]] or [100, 1024]
    peaks = [measure(size) for size in sizes]
    over = False
    for name, (_, most) in COMMANDS.items():
        growth = peaks[-1][name] - peaks[0][name]
        print(f"{name}: {peaks[-1][name]:.1f} MiB (at most {most}), {growth:+.1f} MiB from the first size to the last "
              f"(at most {MOST_GROWTH_MIB})")
        over = over or peaks[-1][name] > most or growth > MOST_GROWTH_MIB
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
