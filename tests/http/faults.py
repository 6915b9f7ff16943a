"""System calls of a server that fail while a test wants it: a full disk, a disk that became read-only, a broken one. And a wall
clock that jumps."""

import errno
import mmap
import pathlib
import struct
import subprocess

LAYOUT = struct.Struct("iiiii108s512s512s")  # struct page of faults.c
ADDING = ("open", "write", "fsync", "rename", "mkdir")
WRITING = (*ADDING, "unlink")
READING = ("open_to_read", "read")


def build(folder):
    """faults.so, made in the folder."""
    library = pathlib.Path(folder) / "faults.so"
    source = pathlib.Path(__file__).with_name("faults.c")
    subprocess.run(["clang-19", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


class Faults:
    """Of one server, which is started with `environment`."""

    def __init__(self, library, page):
        page.write_bytes(bytes(4096))
        with open(page, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 4096)
        self.environment = {"LD_PRELOAD": str(library), "TEST_FAULTS_PAGE": str(page)}

    def arm(self, error, path, calls=WRITING, first=1, last=0, but_not=""):
        """From the `first` such call on a file with `path` in its name they fail, up to the `last` one (0: for ever).
        `error`: the name of an errno; None: the process is killed."""
        self.clear()
        number = getattr(errno, error) if error else 0
        words = " " + " ".join(calls) + " "
        filled = LAYOUT.pack(0, number, first, last, 0, words.encode(), path.encode(), but_not.encode())
        self.page[:LAYOUT.size] = filled
        self.page[:4] = struct.pack("i", 1)

    def shift_clock(self, seconds):
        struct.pack_into("q", self.page, LAYOUT.size, seconds)

    @property
    def count(self):
        """How many such calls there were since arm()."""
        return struct.unpack_from("i", self.page, 16)[0]

    def clear(self):
        self.page[:4] = struct.pack("i", 0)
