"""Figures of the server, each beside a baseline that is measured in the same run. Called by tools/bench.py.

Small loads: files of 1,000 rows posted by 4 clients over kept connections into one SQLite table, beside the same files
given one after the other to the engine in one process without a server (src/runs/run_queue_bench.cc, bare_engine).
Upload: 1 GiB posted until its run is queued, by the server's CPU time, beside SHA-256 of the same bytes and a plain
write of them to the same disk. The table's database is locked meanwhile, so that nothing is loaded yet.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time

ROWS, CLIENTS, FILES_EACH = 1_000, 4, 100
ROUNDS = 5
UPLOAD_BYTES, PIECE_BYTES = 1 << 30, 1 << 20
TARGET_RATIO, TARGET_MORE_SECONDS = 0.7, 0.35
HEADER = b"id,name,datetime,department_id,job_id\n"
CONFIG = """
server: { listen: "127.0.0.1:0", drain: 0s }
database: { url: sqlite:./rowgate.db }
storage: { url: file:./files, spool: ./spool }
observability: { logs: { format: json } }
limits: { sync_wait: SYNC_WAIT }
tables:
  hires:
    schema:
      primaryKey: [id]
      fields:
        - { name: id, type: integer }
        - { name: name, type: string }
        - { name: datetime, type: datetime }
        - { name: department_id, type: integer }
        - { name: job_id, type: integer }
"""


def rows_of(number):
    """The same as file_of() in run_queue_bench.cc, keys out of order included: several clients' files do not come in the
    order of their keys, so the engine does not get them so either."""
    lines = [HEADER.decode()]
    for row in range(ROWS):
        key = number * 167 % 401 * ROWS + row + 1
        lines.append(f"{key},Person Number {key * 7919 % 1_000_003},2021-{row % 12 + 1:02}-{row % 28 + 1:02}T02:48:42Z,"
                     f"{row % 12 + 1},{row % 183 + 1}\n")
    return "".join(lines).encode()


@contextlib.contextmanager
def serving(rowgate, scratch, sync_wait):
    """Folder, port and process of a fresh server. The folder stays until the end of all: for minutes after many files
    were deleted, ext4 is slow to make new ones beside them."""
    where = pathlib.Path(tempfile.mkdtemp(dir=scratch))
    (where / "rowgate.yaml").write_text(CONFIG.replace("SYNC_WAIT", sync_wait), encoding="ascii")
    with open(where / "log", "wb") as log:
        process = subprocess.Popen([rowgate.resolve(), "serve"], cwd=where, stdout=subprocess.DEVNULL, stderr=log)
    try:
        yield where, port_of(where / "log", process), process
    finally:
        process.kill()
        process.wait()


def port_of(log, process):
    for _ in range(1000):
        for line in log.read_text(encoding="utf-8").splitlines():
            if '"listening"' in line:
                return int(re.findall(r":(\d+)\b", json.loads(line)["msg"])[0])
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise SystemExit(f"the server does not listen:\n{log.read_text(encoding='utf-8')}")


def post_head(size):
    return (f"POST /v1/tables/hires/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            f"Content-Length: {size}\r\n\r\n").encode()


def read_answer(connection):
    """Status and body."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            raise SystemExit("the server hung up")
        got += piece
    head, body = got.split(b"\r\n\r\n", 1)
    size = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
    while len(body) < size:
        body += connection.recv(65536)
    return int(head.split(b" ", 2)[1]), body


def post_files(port, bodies, seconds):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for body in bodies:
            begin = time.perf_counter()
            connection.sendall(post_head(len(body)) + body)
            status, answer = read_answer(connection)
            seconds.append(time.perf_counter() - begin)
            if status != 200:
                raise SystemExit(f"a load was answered {status}: {answer.decode()}")


def loads_by_http(rowgate, scratch):
    """Loads in a second, and the seconds of each."""
    with serving(rowgate, scratch, "60s") as (where, port, _):
        seconds, warm = [], []
        post_files(port, [rows_of(0)], warm)
        # Made before the clock runs: Python takes as long for one as the engine for loading it.
        bodies = [rows_of(number + 1) for number in range(CLIENTS * FILES_EACH)]
        clients = [threading.Thread(target=post_files, args=(port, bodies[first::CLIENTS], seconds)) for first in range(CLIENTS)]
        begin = time.perf_counter()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        total = time.perf_counter() - begin
        with contextlib.closing(sqlite3.connect(where / "rowgate.db")) as database:
            count = database.execute("SELECT count(*) FROM hires").fetchone()[0]
        assert count == (CLIENTS * FILES_EACH + 1) * ROWS and len(seconds) == CLIENTS * FILES_EACH, count
        return len(seconds) / total, seconds


def loads_by_engine(build):
    """Loads in a second without a server, by the benchmark of the queue of this build folder."""
    program = build / "runs_bench"
    if not program.exists():
        program = build / "load_bench"  # where an older commit has it
    answer = subprocess.run([program, "--benchmark_format=json", "--benchmark_filter=^bare_engine"],
                            check=True, capture_output=True)
    return json.loads(answer.stdout)["benchmarks"][0]["items_per_second"]


def print_loads(build, scratch):
    by_http, by_engine, ratios, seconds = [], [], [], []
    for _ in range(ROUNDS):
        by_engine.append(loads_by_engine(build))
        rate, each = loads_by_http(build / "rowgate", scratch)
        by_http.append(rate)
        seconds += each
        ratios.append(rate / by_engine[-1])
    seconds.sort()
    print(f"{f'SQLite, files of {ROWS:,} rows':<42}{'loads/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'x engine':>10}")
    print(f"  {'the engine, one after the other':<40}{statistics.median(by_engine):>10.0f}{'':>20}{1:>10.2f}")
    print(f"  {f'POST by {CLIENTS} clients':<40}{statistics.median(by_http):>10.0f}{seconds[len(seconds) // 2] * 1e3:>10.2f}"
          f"{seconds[len(seconds) * 99 // 100] * 1e3:>10.2f}{statistics.median(ratios):>10.2f}")
    print(f"  target {TARGET_RATIO} of the engine's rate (median of {ROUNDS} pairs)")


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_cpu(work):
    begin = time.process_time()
    work()
    return time.process_time() - begin


def upload(rowgate, pieces):
    """CPU seconds of the server from the request's first byte to the answer that its run is queued."""
    with tempfile.TemporaryDirectory(prefix="rowgate-bench-") as scratch, \
            serving(rowgate, scratch, "0s") as (where, port, process), \
            contextlib.closing(sqlite3.connect(where / "rowgate.db", isolation_level=None)) as other, \
            socket.create_connection(("127.0.0.1", port)) as connection:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        connection.sendall(post_head(len(HEADER)) + HEADER)  # the run that the next one waits for
        assert read_answer(connection)[0] == 202
        time.sleep(0.2)
        begin = cpu_of(process.pid)
        connection.sendall(post_head(UPLOAD_BYTES))
        for piece in pieces:
            connection.sendall(piece)
        status, body = read_answer(connection)
        seconds = cpu_of(process.pid) - begin
        run = json.loads(body)
        assert status == 202 and run["status"] == "queued" and run["file"]["bytes"] == UPLOAD_BYTES, body
        return seconds


def print_upload(build):
    block = rows_of(7)[len(HEADER):]
    piece = (block * (PIECE_BYTES // len(block) + 1))[:PIECE_BYTES]
    pieces = [piece] * (UPLOAD_BYTES // PIECE_BYTES)

    def hash_it():
        digest = hashlib.sha256()
        for each in pieces:
            digest.update(each)

    def write_it():
        with tempfile.TemporaryFile(buffering=0) as file:
            for each in pieces:
                file.write(each)

    sums = {"SHA-256": [], "a plain write": [], "until the run is queued": []}
    for _ in range(ROUNDS):
        sums["SHA-256"].append(own_cpu(hash_it))
        sums["a plain write"].append(own_cpu(write_it))
        sums["until the run is queued"].append(upload(build / "rowgate", pieces))
    gigabytes = UPLOAD_BYTES / 1e9
    print(f"{'an upload of 1 GiB':<42}{'CPU s/GB':>10}")
    for name, seconds in sums.items():
        print(f"  {name:<40}{statistics.median(seconds) / gigabytes:>10.2f}")
    more = statistics.median(whole - hashed - written for hashed, written, whole in zip(*sums.values())) / gigabytes
    print(f"  {more:.2f} more than the other two together (median of {ROUNDS} rounds, target at most {TARGET_MORE_SECONDS})")


def print_http(build):
    with tempfile.TemporaryDirectory(prefix="rowgate-bench-") as scratch:
        print_loads(build, scratch)
    print_upload(build)
