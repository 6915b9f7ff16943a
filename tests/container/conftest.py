"""A place for containers: settings of deploy/ with the tables of the HR example, a volume, a password, a key."""

import os
import pathlib
import subprocess
import sys
import uuid

import pytest
import yaml

from podman import IMAGE, ROOT, Container, compose_options, podman


class Place:
    def __init__(self, folder):
        self.key, self.key_sha256 = subprocess.run([sys.executable, ROOT / "deploy/new_key.py"], check=True, capture_output=True,
                                                   text=True).stdout.split()
        self.volume = f"rowgate-{uuid.uuid4().hex[:12]}"
        self.containers = []
        self.settings, self.password = folder / "rowgate.yaml", folder / "database_password"
        self.password.write_text(os.environ["TESTDB_PASSWORD"] + "\n")
        config = yaml.safe_load((ROOT / "deploy/rowgate.yaml").read_text()) | self.example()
        self.settings.write_text(yaml.safe_dump(config, sort_keys=False))
        for path in (self.settings, self.password):
            path.chmod(0o644)  # the image's user reads them

    def example(self):
        """Tables and reports as the image itself writes them."""
        name = f"{self.volume}-example"
        podman("run", "--rm", f"--volume={name}:/var/lib/rowgate", IMAGE, "init", "--example", "hr")
        text = podman("run", "--rm", f"--volume={name}:/var/lib/rowgate", "--entrypoint", "cat", IMAGE, "rowgate.yaml")
        podman("volume", "rm", name)
        written = yaml.safe_load(text)
        return {name: written[name] for name in ("tables", "reports")}

    def options(self, database_url=None):
        variables = {"API_KEY_SHA256": self.key_sha256}
        if database_url:
            variables["DATABASE_URL"] = database_url
        return compose_options(variables, {"./rowgate.yaml": self.settings, "files": self.volume,
                                           "./secrets/database_password": self.password})

    def start(self, database_url=None):
        """On the database of this address; without one on SQLite in the volume, as deploy/rowgate.yaml itself says."""
        options = self.options(database_url)
        if database_url is None:
            options = [option for option in options if not option.startswith("--env=ROWGATE_DATABASE__")]
        self.containers.append(Container(options))
        return self.containers[-1]

    def close(self):
        for container in self.containers:
            container.remove()
        podman("volume", "rm", "--force", self.volume)


@pytest.fixture(scope="module")
def make_place(tmp_path_factory):
    places = []

    def make():
        places.append(Place(pathlib.Path(tmp_path_factory.mktemp("container"))))
        return places[-1]

    yield make
    for place in places:
        place.close()


@pytest.fixture
def place(make_place):
    return make_place()
