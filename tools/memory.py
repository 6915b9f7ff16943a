"""Peak memory of rowgate on a large CSV: load and validate (rows with a primary key, keys shuffled) and schema infer.

  python3 tools/memory.py [MIB...]     sizes of the files, by default 100 and 1024

Prints the greatest resident set size that the kernel saw for each command (ru_maxrss), and its growth from the first to
the last size.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from bench import BUILD, CONFIG  # noqa: E402

COMMANDS = {
    "load": ["load", "hired_employees.csv"],
    "validate": ["validate", "hired_employees.csv"],
    "schema infer": ["schema", "infer", "hired_employees.csv"],
}


def write_shuffled(path, size_bytes):
    """Rows with the ids 1 to n in an order that jumps: i * step modulo n, step and n without common factor."""
    rows = size_bytes // 48
    step = 1_000_000_007
    with open(path, "w", encoding="ascii", newline="") as file:
        file.write("id,name,datetime,department_id,job_id\n")
        for i in range(rows):
            identity = i * step % rows + 1
            mixed = i * 2654435761 % 4294967296
            file.write(f"{identity},Name{mixed % 997} Surn{mixed % 91},20{10 + mixed % 13}-{1 + mixed % 12:02}-"
                       f"{1 + mixed % 28:02}T{mixed % 24:02}:{mixed % 60:02}:{mixed % 59:02}Z,{1 + mixed % 12},"
                       f"{1 + mixed % 183}\n")
    return rows


def peak_mib(arguments, where):
    process = subprocess.Popen([BUILD / "rowgate", *arguments], cwd=where, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{arguments} ended with {status}")
    return usage.ru_maxrss / 1024


def main():
    sizes = [int(text) for text in sys.argv[1:]] or [100, 1024]
    peaks = {name: [] for name in COMMANDS}
    for size in sizes:
        where = pathlib.Path(tempfile.mkdtemp(prefix="rowgate-memory-"))
        try:
            (where / "rowgate.yaml").write_text(CONFIG, encoding="ascii")
            rows = write_shuffled(where / "hired_employees.csv", size * 1024 * 1024)
            actual = (where / "hired_employees.csv").stat().st_size / 1024 / 1024
            print(f"{actual:,.0f} MiB, {rows:,} rows", flush=True)
            for name in ("validate", "schema infer", "load"):
                peaks[name].append(peak_mib(COMMANDS[name], where))
                print(f"  {name:<14}{peaks[name][-1]:>8.1f} MiB", flush=True)
        finally:
            shutil.rmtree(where, ignore_errors=True)
    for name, values in peaks.items():
        print(f"{name}: grows by {values[-1] - values[0]:.1f} MiB from the first size to the last")


if __name__ == "__main__":
    main()
