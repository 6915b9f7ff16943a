"""Files and requests at every limit, and what they may cost; TRUE_SIZES=1 for the true sizes."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http")]

from files import configure  # noqa: E402
from watched import Watched  # noqa: E402

ROWGATE = os.environ.get("ROWGATE", str(HERE.parents[1] / "build/release/rowgate"))


@pytest.fixture(scope="session")
def rowgate():
    return ROWGATE


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """serve(**more): a watched server with the tables of files.py; `more` goes into its configuration."""
    servers = []

    def begin(**more):
        servers.append(Watched(ROWGATE, configure(tmp_path_factory.mktemp("server"), **more)))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()
