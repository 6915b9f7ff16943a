"""A rowgate server of the tests' own: started in a fresh folder with the HR example, stopped at the end."""

import os
import pathlib
import subprocess

import pytest

from faults import build
from server import Server
from worlds import Worlds

ROWGATE = os.environ.get("ROWGATE", str(pathlib.Path(__file__).parents[2] / "build/release/rowgate"))


@pytest.fixture
def folder(tmp_path):
    """The HR example, not loaded."""
    subprocess.run([ROWGATE, "init", "--example", "hr"], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.fixture
def start(folder):
    """start(changes): a server in `folder`; every one is stopped at the end of the test."""
    servers = []

    def begin(changes="", **more):
        servers.append(Server(ROWGATE, folder, changes, **more))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture
def server(start):
    return start()


@pytest.fixture
def loaded(server):
    """A server with the three tables loaded."""
    for table in ("departments", "jobs", "hired_employees"):
        answer = server.post(f"/v1/tables/{table}/loads", (server.folder / f"{table}.csv").read_bytes())
        assert answer.status == 200, answer.text
    return server


@pytest.fixture(scope="session")
def worlds(tmp_path_factory):
    """The situations of worlds.py."""
    made = Worlds(ROWGATE, lambda: tmp_path_factory.mktemp("world"))
    yield made
    made.stop()


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """What faults.py loads into a server."""
    return build(tmp_path_factory.mktemp("faults"))
