"""An S3 server for all tests of a file, a folder with the HR example, and rowgate on both."""

import os
import pathlib
import subprocess
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "http"))

from s3 import KEYS, S3Server  # noqa: E402
from server import Server  # noqa: E402

ROWGATE = os.environ.get("ROWGATE", str(pathlib.Path(__file__).parents[2] / "build/release/rowgate"))
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ROWGATE_"))}


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


class Place:
    """A folder with the HR example and a rowgate.yaml that stores in S3 below a prefix of its own."""

    def __init__(self, folder, s3, settings=None):
        self.folder, self.s3, self.prefix = folder, s3, folder.name.replace("_", "-")
        subprocess.run([ROWGATE, "init", "--example", "hr"], cwd=folder, check=True, capture_output=True)
        self.local = (folder / "rowgate.yaml").read_text()
        self.configure(settings or s3.settings(self.prefix))
        self.servers = []

    def configure(self, settings):
        """The example's settings, those in `settings` in place of its own."""
        config = {**yaml.safe_load(self.local), **yaml.safe_load(settings)}
        (self.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def run(self, *arguments, environment=None, check=True):
        done = subprocess.run([ROWGATE, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=300,
                              env={**CLEAN, **(KEYS if environment is None else environment)})
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def load_all(self):
        return self.run("load", "departments.csv", "jobs.csv", "hired_employees.csv")

    def serve(self, changes="", environment=None):
        self.servers.append(Server(ROWGATE, self.folder, changes,
                                   environment={**KEYS, **(environment or {})}))
        return self.servers[-1]

    def stored(self, below=""):
        return [key[len(self.prefix) + 1:] for key in self.s3.keys(f"{self.prefix}/{below}")]

    def close(self):
        for server in self.servers:
            server.stop()


@pytest.fixture
def make_place(tmp_path_factory, s3):
    places = []

    def make(settings=None):
        places.append(Place(tmp_path_factory.mktemp("place"), s3, settings))
        return places[-1]

    yield make
    for place in places:
        place.close()


@pytest.fixture
def place(make_place):
    return make_place()
