"""Peak memory of the server, and how soon /livez answers meanwhile.

  python3 tools/memory_server.py [MIB [UPLOADS]]     a file of so many MiB, by default 1024, and so many slow uploads, 200

A server receives many uploads at once: plain, gzip and forms in turn, each of which begins with 1 MiB as fast as it goes and
then crawls. Another one receives and loads a CSV of hired employees with shuffled keys, then ten times a smaller one. Prints the
greatest resident set size that the kernel saw (VmHWM), less that of the idle server for the uploads, and the longest time that
/livez took from connecting to its answer, asked all the time by a process of its own; beside it the longest time that the same
process took to wake up from its pauses, which is what the machine itself adds. Fails when one is above its bound.
"""

import gzip
import json
import multiprocessing
import os
import pathlib
import random
import re
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "tests" / "http"))
from bench import BUILD  # noqa: E402
from memory import FILE, rowgate, write_shuffled  # noqa: E402
from server import Server, form  # noqa: E402

MOST_MIB, MOST_MIB_EACH, MOST_LIVEZ_MS = 150, 1.5, 50
AGAIN, AGAIN_MIB = 10, 60
BURST_BYTES, CRAWL_BYTES_PER_SECOND, CRAWL_SECONDS = 1024 * 1024, 2048, 20


def memory_mib(server, line):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"^{line}:\s*(\d+) kB", status, re.M)[1]) / 1024


def ask_livez(port, done, results):
    """Milliseconds of the slowest answer and of the latest wake-up, and how many answers there were."""
    worst = late = count = 0
    while not done.is_set():
        begin = time.perf_counter()
        time.sleep(0.005)
        late = max(late, time.perf_counter() - begin - 0.005)
        begin = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 "), "/livez did not answer 200"
        worst = max(worst, time.perf_counter() - begin)
        count += 1
    results.put((worst * 1000, late * 1000, count))


class Watch:
    """Asks /livez while the `with` block runs."""

    def __init__(self, server):
        self.done, self.results = multiprocessing.Event(), multiprocessing.Queue()
        self.process = multiprocessing.Process(target=ask_livez, args=(server.port, self.done, self.results))

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.worst, self.late, self.count = self.results.get(timeout=20)
        self.process.join()

    def __str__(self):
        return (f"/livez at most {self.worst:.1f} ms (at most {MOST_LIVEZ_MS}) in {self.count:,} answers; the machine itself "
                f"was late by {self.late:.1f} ms")


def body_of(path):
    with open(path, "rb") as file:
        while piece := file.read(1024 * 1024):
            yield piece


def load_large(folder, mib):
    rows = write_shuffled(folder / FILE, mib * 1024 * 1024)
    size = (folder / FILE).stat().st_size
    server = Server(str(BUILD / "rowgate"), folder, "limits: { max_upload_bytes: 4GiB }")
    try:
        idle = memory_mib(server, "VmHWM")
        with Watch(server) as watch:
            begin = time.perf_counter()
            answer = server.post("/v1/tables/hired_employees/loads", body_of(folder / FILE), {"Content-Length": str(size)})
            received = time.perf_counter() - begin
            state = server.ended(answer.json["id"], seconds=3600)
            seconds = time.perf_counter() - begin
        assert state["rows"]["accepted"] == rows, state
        peak = memory_mib(server, "VmHWM")
        write_shuffled(folder / FILE, AGAIN_MIB * 1024 * 1024)
        for turn in range(AGAIN):
            mode = ("replace", "upsert")[turn % 2]
            answer = server.post(f"/v1/tables/hired_employees/loads?mode={mode}", (folder / FILE).read_bytes())
            assert server.ended(answer.json["id"], seconds=3600)["status"] == "succeeded"
        later = memory_mib(server, "VmHWM")
    finally:
        server.stop()
    print(f"{size / 1024 / 1024:,.0f} MiB, {rows:,} rows, answered after {received:.0f} s, loaded after {seconds:.0f} s:\n"
          f"  {peak:.1f} MiB (at most {MOST_MIB}); {idle:.1f} MiB when idle, {later:.1f} MiB after {AGAIN} more loads\n"
          f"  {watch}", flush=True)
    return later <= MOST_MIB and watch.worst <= MOST_LIVEZ_MS


def upload(number):
    """Head and body of a slow upload."""
    size = BURST_BYTES + CRAWL_BYTES_PER_SECOND * CRAWL_SECONDS
    text = b"id,job\n" + b"".join(b"%d,%s\n" % (i, random.randbytes(40).hex().encode()) for i in range(size // 80))
    kind, coding = "text/csv", ""
    if number % 3 == 1:
        text, coding = gzip.compress(text * 2, 1), "Content-Encoding: gzip\r\n"
    elif number % 3 == 2:
        text, kind = form(("file", "jobs.csv", text))
    head = (f"POST /v1/tables/jobs/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{coding}"
            f"Content-Length: {len(text)}\r\n\r\n")
    return head.encode(), text


def send_slowly(port, count):
    """All uploads at once, none to its end."""
    kinds = [upload(number) for number in range(3)]
    connections = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(count)]
    for number, connection in enumerate(connections):
        head, body = kinds[number % 3]
        connection.sendall(head + body[:BURST_BYTES])
    step = CRAWL_BYTES_PER_SECOND // 2
    for turn in range(2 * CRAWL_SECONDS - 1):
        for number, connection in enumerate(connections):
            connection.sendall(kinds[number % 3][1][BURST_BYTES + turn * step:][:step])
        time.sleep(0.5)


def receive_many(folder, count):
    server = Server(str(BUILD / "rowgate"), folder)
    try:
        for _ in range(20):
            server.get("/v1/tables")
        idle = memory_mib(server, "VmHWM")
        sender = multiprocessing.Process(target=send_slowly, args=(server.port, count))
        most_open = 0
        with Watch(server) as watch:
            sender.start()
            while sender.is_alive():
                most_open = max(most_open, len(list((folder / "data/spool/uploads").glob("*.part"))))
                time.sleep(0.5)
        sender.join()
        assert sender.exitcode == 0 and most_open == count, f"{most_open} uploads were open at once, of {count}"
        peak = memory_mib(server, "VmHWM")
    finally:
        server.stop()
    each = (peak - idle) / count
    print(f"{count} slow uploads at once:\n  {each:.2f} MiB each (at most {MOST_MIB_EACH}): {peak:.1f} MiB, of which "
          f"{idle:.1f} MiB when idle\n  {watch}", flush=True)
    return each <= MOST_MIB_EACH and watch.worst <= MOST_LIVEZ_MS


def main():
    mib, count = (int(text) for text in (sys.argv[1:] + ["1024", "200"][len(sys.argv) - 1:]))
    with tempfile.TemporaryDirectory(prefix="rowgate-memory-") as name:
        folder = pathlib.Path(name)
        rowgate(["init", "--example", "hr"], folder)
        rowgate(["load", "departments.csv", "jobs.csv"], folder)
        held = [receive_many(folder, count), load_large(folder, mib)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
