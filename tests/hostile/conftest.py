"""Files and requests at every limit, and what they may cost; TRUE_SIZES=1 for the true sizes."""

import os
import pathlib
import sys

import pytest
import yaml

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http"), str(HERE.parent.parent / "tools")]

from files import TABLES  # noqa: E402
from sizes import LIMITS  # noqa: E402
from watched import Watched  # noqa: E402

ROWGATE = os.environ.get("ROWGATE", str(HERE.parents[1] / "build/release/rowgate"))


def configure(folder, **more):
    """A rowgate.yaml with the tables of files.py."""
    tables = {name: {"schema": schema} for name, schema in TABLES.items()}
    settings = {"database": {"url": "sqlite:./data/rowgate.db"}, "limits": LIMITS, "tables": tables, **more}
    (folder / "rowgate.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder


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
