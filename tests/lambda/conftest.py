"""The HR example as a function: on a real MariaDB and a real S3 server, in a fresh folder."""

import itertools
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "s3"))

from emulator import Function  # noqa: E402
from gateway import Gateway  # noqa: E402
from s3 import KEYS, S3Server  # noqa: E402

ROWGATE = os.environ.get("ROWGATE", str(pathlib.Path(__file__).parents[2] / "build/release/rowgate"))
numbers = itertools.count(1)


def sql(text, database=""):
    """A statement by MariaDB's own client, of the user who may do everything."""
    place = os.environ["TESTDB_MYSQL"].rpartition("@")[2]
    port = place.partition(":")[2].partition("/")[0]
    return subprocess.run(["mariadb", "--no-defaults", "-N", "-h127.0.0.1", f"-P{port}", "-uadmin",
                           f"-p{os.environ['TESTDB_PASSWORD']}", *([database] if database else []), "-e", text],
                          check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


class Place:
    """A database and a prefix of its own, and a rowgate.yaml for them. `settings`: changed top-level sections."""

    def __init__(self, folder, s3, settings=None):
        self.folder, self.s3, self.database = folder, s3, f"hr_{os.getpid()}_{next(numbers)}"
        self.prefix = self.database.replace("_", "-")
        self.spool = f"/tmp/rowgate-{self.database}"  # a function may write there only
        sql(f"CREATE DATABASE {self.database}")
        subprocess.run([ROWGATE, "init", "--example", "hr"], cwd=folder, check=True, capture_output=True)
        config = yaml.safe_load((folder / "rowgate.yaml").read_text())
        config |= {
            "server": {}, "auth": {"allow_public_without_auth": True},
            "database": {"url": os.environ["TESTDB_MYSQL"].rpartition("/")[0] + "/" + self.database,
                         "password": {"env": "DB_PASSWORD"}},
            "storage": {"url": f"s3://{s3.BUCKET}/{self.prefix}", "endpoint": s3.endpoint, "region": "us-east-1",
                        "spool": self.spool},
            "links": {"keys": [{"id": "a1", "secret": "${LINK_KEY}"}]},
            "compat": {"schemas": {"test_db": "default"}, "max_rows": 200_000},
            "observability": {"logs": {"format": "json"}},
        }
        for name, section in (settings or {}).items():
            config[name] = {**config.get(name, {}), **section}
        (folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        self.functions, self.gateways = [], []

    @property
    def environment(self):
        return {**KEYS, "DB_PASSWORD": os.environ["TESTDB_PASSWORD"], "LINK_KEY": "k" * 40,
                "ROWGATE_CONFIG": str(self.folder / "rowgate.yaml")}

    def function(self, environment=None, **more):
        self.functions.append(Function({**self.environment, **(environment or {})}, **more))
        return self.functions[-1]

    def gateway(self, shape, function=None, **more):
        self.gateways.append(Gateway(function or self.function(**more), shape))
        return self.gateways[-1]

    def rows(self, table):
        return int(sql(f"SELECT count(*) FROM {table}", self.database))

    def close(self):
        for each in self.gateways:
            each.close()
        for each in self.functions:
            each.stop()
        sql(f"DROP DATABASE {self.database}")
        shutil.rmtree(self.spool, ignore_errors=True)


@pytest.fixture
def make_place(tmp_path_factory, s3):
    places = []

    def make(settings=None):
        places.append(Place(tmp_path_factory.mktemp("lambda"), s3, settings))
        return places[-1]

    yield make
    for place in places:
        place.close()


@pytest.fixture
def place(make_place):
    return make_place()
