"""Surroundings that a file cannot describe. Each gives the extra arguments for subprocess.run."""

import contextlib
import os
import resource
import shutil
import sqlite3


@contextlib.contextmanager
def make(name, world):
    with MAKERS[name](world) as more:
        yield more


@contextlib.contextmanager
def nothing(_world):
    yield {}


def _as_nobody():
    """Root may write everywhere, so the command runs as a user who may not."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


@contextlib.contextmanager
def read_only_folder(world):
    """The folder and all in it belong to someone else and cannot be written."""
    paths = [world.folder, *world.folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    above = _open_ways(world)
    try:
        yield {"preexec_fn": _as_nobody}
    finally:
        for path, mode in above:
            path.chmod(mode)
        for path, mode in modes.items():
            path.chmod(mode)


def _open_ways(world):
    """pytest's folders are closed to others; those above the world are opened, and their modes told."""
    above = []
    for parent in world.folder.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            above.append((parent, parent.stat().st_mode))
            parent.chmod(parent.stat().st_mode | 0o055)
    return above


@contextlib.contextmanager
def read_only_database(world):
    """The database belongs to someone else and cannot be written; all beside it can."""
    for path in [world.folder, *world.folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    closed = [world.database.parent, *world.database.parent.rglob("*")]
    for path in closed:
        path.chmod(0o555 if path.is_dir() else 0o444)
    above = _open_ways(world)
    try:
        yield {"preexec_fn": _as_nobody}
    finally:
        for path, mode in above:
            path.chmod(mode)
        for path in closed:
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.contextmanager
def locked_database(world):
    """Another process is in the middle of a write."""
    connection = sqlite3.connect(world.database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield {}
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextlib.contextmanager
def full_disk(_world):
    """No file may grow beyond 96 KiB: as on a full disk, a write fails in the middle."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (96 * 1024, 96 * 1024))

    yield {"preexec_fn": limit}


@contextlib.contextmanager
def no_spool(world):
    """Something else stands where the spool folder should be."""
    shutil.rmtree(world.folder / "data" / "spool", ignore_errors=True)
    (world.folder / "data").mkdir(exist_ok=True)
    (world.folder / "data" / "spool").write_text("not a folder", encoding="ascii")
    yield {}


MAKERS = {None: nothing, "read_only_folder": read_only_folder,
          "read_only_database": read_only_database, "locked_database": locked_database, "full_disk": full_disk,
          "no_spool": no_spool}
