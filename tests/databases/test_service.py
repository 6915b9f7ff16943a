"""The original API, the CLI and the reports on MariaDB and PostgreSQL: the same answers, numbers and bytes as on SQLite."""

import hashlib
import itertools
import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

ROWGATE = os.environ["ROWGATE"]
TABLES = ("departments", "jobs", "hired_employees")
REPORTS = ("hired_by_quarter", "departments_above_mean")
numbers = itertools.count(1)


def sql(kind, text):
    """A statement by the server's own client."""
    url = os.environ[f"TESTDB_{kind.upper()}"]
    user, _, place = url.partition("://")[2].partition("@")
    port, _, database = place.partition(":")[2].partition("/")
    if kind == "mysql":
        command = ["mariadb", "--no-defaults", "-N", "-h127.0.0.1", f"-P{port}", f"-u{user}",
                   f"-p{os.environ['TESTDB_PASSWORD']}", database, "-e", text]
    else:
        command = ["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", url, "-c", text]
    environment = {**os.environ, "PGPASSWORD": os.environ["TESTDB_PASSWORD"]}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


class Place:
    """The HR example in a folder, on a database of its own."""

    def __init__(self, kind, folder):
        self.kind, self.folder = kind, folder
        subprocess.run([ROWGATE, "init", "--example", "hr"], cwd=folder, check=True, capture_output=True)
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
        done = subprocess.run([ROWGATE, *arguments], cwd=self.folder, env=self.environment, capture_output=True, timeout=60,
                              check=False)
        assert done.returncode == code, done.stdout.decode() + done.stderr.decode()
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
    def __init__(self, place):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.log = place.folder / "serve.log"
        self.process = subprocess.Popen([ROWGATE, "serve", "--listen", self.address], cwd=place.folder,
                                        env={**place.environment, "ROWGATE_SERVER__ADMIN_LISTEN": "127.0.0.1:0",
                                             "ROWGATE_SERVER__PUBLIC_URL": f"http://{self.address}",
                                             "ROWGATE_SERVER__DRAIN": "0s"},
                                        stdout=self.log.open("wb"), stderr=subprocess.STDOUT)
        end = time.monotonic() + 20
        while True:
            try:
                self.get("/readyz")
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
                time.sleep(0.05)

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


@pytest.fixture(params=["mysql", "postgresql"])
def place(request, tmp_path):
    made = Place(request.param, tmp_path)
    yield made
    made.drop()


@pytest.fixture
def on_sqlite(tmp_path):
    (tmp_path / "sqlite").mkdir()
    made = Place("sqlite", tmp_path / "sqlite")
    made.rowgate("load", *(f"{table}.csv" for table in TABLES))
    return made


def numbers_of(place):
    tables = [json.loads(place.rowgate("tables", table, "--json")) for table in TABLES]
    return [(table["rows"], table["version"]) for table in tables]


def test_the_command_line_gives_the_numbers_and_bytes_of_sqlite(place, on_sqlite):
    place.rowgate("load", *(f"{table}.csv" for table in TABLES))
    assert numbers_of(place) == numbers_of(on_sqlite)
    assert place.reports() == on_sqlite.reports()
    for table in TABLES:
        assert place.rowgate("rows", table, "--format", "csv") == on_sqlite.rowgate("rows", table, "--format", "csv")
        assert place.rowgate("rows", table, "--format", "json") == on_sqlite.rowgate("rows", table, "--format", "json")
    doctor = place.rowgate("doctor").decode()
    assert "3 tables equal to the schema" in doctor and "no problems" in doctor
    assert "loader@127.0.0.1" in doctor and os.environ["TESTDB_PASSWORD"] not in doctor


def test_a_dry_run_judges_and_leaves_nothing(place, on_sqlite):
    del on_sqlite
    place.rowgate("validate", *(f"{table}.csv" for table in TABLES), code=3)
    assert sql(place.kind, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = "
                           f"'{place.space}' AND table_name NOT LIKE 'rowgate%'") == "0"


def test_the_original_api(place, on_sqlite):
    server = Server(place)
    try:
        for table in TABLES:
            status, text, headers = server.post(f"/db_migration?table={table}&schema={place.space}",
                                                (place.folder / f"{table}.csv").read_bytes())
            assert (status, text) == (200, "Data loaded succesfully!")
            assert headers["Rowgate-Run"].startswith("run_")
        assert numbers_of(place) == numbers_of(on_sqlite)
        links = [json.loads(server.get(route))["presigned-url"]
                 for route in ("/first_sql_requirement", "/second_sql_requirement")]
        assert [hashlib.sha256(server.get(link)).hexdigest() for link in links] == on_sqlite.reports()
        assert server.post("/db_migration?table=jobs&schema=nowhere", b"id,job\n1,x\n")[:2] == (400, "Unknown schema: nowhere")
        page = json.loads(server.get("/v1/tables/hired_employees/rows?limit=2"))
        following = json.loads(server.get(f"/v1/tables/hired_employees/rows?limit=2&cursor={page['next']}"))
        assert [row["id"] for row in page["items"] + following["items"]] == [1, 2, 3, 4]
    finally:
        server.stop()


def test_an_alias_names_another_namespace_of_the_server(place):
    server = Server(place)
    try:
        status, text, _ = server.post("/db_migration?table=old_jobs&schema=archive", b"id,job\n1,Actuary\n2,Nurse\n")
        assert (status, text) == (200, "Data loaded succesfully!")
        assert sql(place.kind, f"SELECT COUNT(*) FROM {place.other}.old_jobs") == "2"
        assert server.post("/db_migration?table=jobs&schema=archive", b"id,job\n1,x\n")[:2] == (400, "Unknown table: jobs")
    finally:
        server.stop()


def test_tables_of_another_namespace(place):
    config = pathlib.Path(place.folder / "rowgate.yaml")
    config.write_text(json.dumps({"tables": {"people": {"namespace": place.other, "schema": {
        "primaryKey": ["id"], "fields": [{"name": "id", "type": "integer"}]}}}}))
    (place.folder / "people.csv").write_text("id\n1\n2\n2\n")
    place.rowgate("load", "people.csv", "--max-rejects", "1")
    assert sql(place.kind, f"SELECT COUNT(*) FROM {place.other}.people") == "2"
    assert place.rowgate("rows", "people", "--format", "csv").decode().split() == ["id", "1", "2"]
    (place.folder / "people.csv").write_text("id\n3\n")
    place.rowgate("load", "people.csv", "--mode", "replace", "--yes")
    assert place.rowgate("rows", "people", "--format", "csv").decode().split() == ["id", "3"]


def test_an_address_on_the_command_line(place):
    (place.folder / "people.csv").write_text("name,age\nAda,36\n")
    url = place.environment.pop("ROWGATE_DATABASE__URL")
    place.rowgate("load", "people.csv", "--to", url, "--table", "people")
    assert place.rowgate("rows", "people", "--to", url, "--format", "csv").decode().splitlines() == ["name,age", "Ada,36"]


def test_a_wrong_password_is_said_and_not_shown(place):
    place.environment["DB_PASSWORD"] = "open barley"
    done = subprocess.run([ROWGATE, "load", "jobs.csv"], cwd=place.folder, env=place.environment, capture_output=True, check=False)
    assert done.returncode == 1 and b"database.privilege" in done.stderr and b"barley" not in done.stderr
