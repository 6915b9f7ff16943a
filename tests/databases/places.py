"""What the tests in this folder share: the HR example on a database of its own, and a rowgate that serves it."""

import hashlib
import itertools
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROWGATE = os.environ["ROWGATE"]
TABLES = ("departments", "jobs", "hired_employees")
REPORTS = ("hired_by_quarter", "departments_above_mean")
numbers = itertools.count(1)


def sql(kind, text, user="loader"):
    """Statements by the server's own client; as `admin`, who may do everything, or as the user of the tests."""
    url = os.environ[f"TESTDB_{kind.upper()}"].replace("loader@", f"{user}@")
    user, _, place = url.partition("://")[2].partition("@")
    port, _, database = place.partition(":")[2].partition("/")
    if kind == "mysql":
        command = ["mariadb", "--no-defaults", "-N", "-h127.0.0.1", f"-P{port}", f"-u{user}",
                   f"-p{os.environ['TESTDB_PASSWORD']}", database, "-e", text]
    else:
        command = ["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", url, "-c", text]
    environment = {**os.environ, "PGPASSWORD": os.environ["TESTDB_PASSWORD"]}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def make_user(kind, name, password=None):
    """A user without any rights, with the password of the tests' own."""
    password = password or os.environ["TESTDB_PASSWORD"]
    if kind == "mysql":
        sql(kind, f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'", "admin")
    else:
        sql(kind, f"CREATE ROLE {name} LOGIN PASSWORD '{password}'", "admin")


def drop_users(kind, *names):
    for name in names:
        if kind == "postgresql":
            sql(kind, f"DROP OWNED BY {name} CASCADE", "admin")
        sql(kind, f"DROP USER {name}@'127.0.0.1'" if kind == "mysql" else f"DROP ROLE {name}", "admin")


class Place:
    """The HR example in a folder, on a database of its own."""

    def __init__(self, kind, folder, *init):
        self.kind, self.folder = kind, folder
        subprocess.run([ROWGATE, "init", "--example", "hr", *init], cwd=folder, check=True, capture_output=True)
        self.space, self.other = (f"hr_{os.getpid()}_{next(numbers)}" for _ in range(2))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
        if kind == "sqlite":
            return
        for space in (self.space, self.other):
            sql(kind, f"CREATE {'DATABASE' if kind == 'mysql' else 'SCHEMA'} {space}")
        url = os.environ[f"TESTDB_{kind.upper()}"]
        url = url.rpartition("/")[0] + "/" + self.space if kind == "mysql" else f"{url}?schema={self.space}"
        self.environment |= {"ROWGATE_DATABASE__URL": url, "ROWGATE_DATABASE__PASSWORD__ENV": "DB_PASSWORD",
                             "DB_PASSWORD": os.environ["TESTDB_PASSWORD"],
                             "ROWGATE_COMPAT__SCHEMAS__ARCHIVE": self.other}

    def rowgate(self, *arguments, code=0):
        """What it prints; it must end with this exit code, or with any where that is None."""
        done = subprocess.run([ROWGATE, *arguments], cwd=self.folder, env=self.environment, capture_output=True, timeout=60,
                              check=False)
        assert code is None or done.returncode == code, done.stdout.decode() + done.stderr.decode()
        return done.stdout

    def reports(self):
        return [hashlib.sha256(self.rowgate("report", name, "--format", "csv")).hexdigest() for name in REPORTS]

    def drop(self):
        for space in (self.space, self.other):
            if self.kind == "mysql":
                sql(self.kind, f"DROP DATABASE {space}")
            if self.kind == "postgresql":
                sql(self.kind, f"DROP SCHEMA {space} CASCADE")


class Server:
    def __init__(self, place, asked="/readyz"):
        """It is there when it answers what it is asked."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.log = place.folder / f"serve-{self.address.rpartition(':')[2]}.log"
        self.process = subprocess.Popen([ROWGATE, "serve", "--listen", self.address], cwd=place.folder,
                                        env={**place.environment, "ROWGATE_SERVER__ADMIN_LISTEN": "127.0.0.1:0",
                                             "ROWGATE_SERVER__PUBLIC_URL": f"http://{self.address}",
                                             "ROWGATE_SERVER__DRAIN": "0s"},
                                        stdout=self.log.open("wb"), stderr=subprocess.STDOUT)
        end = time.monotonic() + 20
        while True:
            try:
                self.get(asked)
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
                time.sleep(0.05)

    @property
    def admin(self):
        return re.search(r"admin (http://[0-9.:]+)", self.log.read_text())[1]

    def get(self, path):
        url = path if path.startswith("http") else f"http://{self.address}{path}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read()

    def post(self, path, body):
        try:
            request = urllib.request.Request(f"http://{self.address}{path}", body, {"Content-Type": "text/csv"})
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def loaded_on_sqlite(folder, *init):
    """What the others are compared with."""
    folder.mkdir()
    made = Place("sqlite", folder, *init)
    made.rowgate("load", *(f"{table}.csv" for table in TABLES))
    return made


def numbers_of(place):
    tables = [json.loads(place.rowgate("tables", table, "--json")) for table in TABLES]
    return [(table["rows"], table["version"]) for table in tables]
