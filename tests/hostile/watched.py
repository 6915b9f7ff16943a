"""A server whose memory, work and disk are watched while it is given something hostile."""

import contextlib
import http.client
import os
import pathlib
import re
import stat
import threading

from files import folder_bytes
from server import Answer, Server
from sizes import MIB, SERVER_MIB

PIECE = MIB


class Body:
    """A file for http.client, read in pieces."""

    def __init__(self, path):
        self.path, self.size = path, path.stat().st_size

    def __iter__(self):
        with open(self.path, "rb") as file:
            while piece := file.read(PIECE):
                yield piece


class Watched(Server):
    def status_mib(self, line):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{line}:\s*(\d+) kB", status, re.M)[1]) / 1024

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def seconds(self):
        """Of CPU time."""
        values = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")

    def scratch_bytes(self):
        """What lies below the spool, and files that have no name any more."""
        total = folder_bytes(self.folder / "data" / "spool")
        for path in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found = os.stat(path)
                total += found.st_size if stat.S_ISREG(found.st_mode) and found.st_nlink == 0 else 0
        return total

    def kept_bytes(self):
        return folder_bytes(self.folder / "data" / "files")

    @contextlib.contextmanager
    def within(self, what, mib=SERVER_MIB, seconds=None, scratch=None, kept=None):
        """What the block makes the server do stays within these bounds, and the server answers afterwards. Gives an object that
        tells what it cost in the end."""
        cost = Cost()
        self.forget_peak()
        begin, had = self.seconds(), self.kept_bytes()
        done = threading.Event()

        def look():
            while not done.wait(0.05):
                cost.scratch = max(cost.scratch, self.scratch_bytes())

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield cost
        finally:
            done.set()
            looking.join()
            cost.mib, cost.seconds, cost.kept = self.status_mib("VmHWM"), self.seconds() - begin, self.kept_bytes() - had
            print(f"{what}: {cost.mib:.1f} MiB of memory, {cost.seconds:.2f} s, at most {cost.scratch / MIB:.2f} MiB of scratch, "
                  f"{cost.kept / MIB:.2f} MiB kept, {cost.said}")
        assert self.is_alive() and self.get("/livez").status == 200
        assert cost.mib <= mib
        assert seconds is None or cost.seconds <= seconds
        assert scratch is None or cost.scratch <= scratch
        assert kept is None or cost.kept <= kept

    def drain(self, method, path, body=None, headers=None, timeout=300):
        """The answer with at most 64 KiB of its body, and the bytes of the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            got = connection.getresponse()
            head, size = b"", 0
            while piece := got.read(PIECE):
                head += piece[:65536 - len(head)]
                size += len(piece)
            return Answer(got.status, got.headers, head), size
        finally:
            connection.close()

    def upload(self, path, file, headers=None):
        """The answer to the file's bytes."""
        body = Body(file)
        try:
            return self.request("POST", path, iter(body), {"Content-Type": "text/csv", "Content-Length": str(body.size), **(headers or {})},
                                timeout=300)
        except (BrokenPipeError, ConnectionResetError):  # it was refused before it was sent whole
            return None

    def at_once(self, count, work):
        """work(number) in so many threads; the answers."""
        answers = [None] * count

        def one(number):
            answers[number] = work(number)

        threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers


class Cost:
    mib = seconds = 0.0
    scratch = kept = 0
    said = ""
