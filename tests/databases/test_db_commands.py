"""`rowgate db plan` and `rowgate db grants`: what they print does what they say, on the database itself."""

import contextlib
import json
import sqlite3

import pytest
import yaml
from places import REPORTS, TABLES, drop_users, make_user, sql

GOOD = {"primaryKey": ["id"], "uniqueKeys": [["name"]], "fields": [
    {"name": "id", "type": "integer"},
    {"name": "name", "type": "string", "constraints": {"maxLength": 40}},
    {"name": "born", "type": "date", "constraints": {"required": True}},
    {"name": "pay", "type": "number", "rowgate:decimal": [8, 2]},
    {"name": "boss", "type": "integer"}]}
TEXT = {"sqlite": "TEXT", "mysql": "VARCHAR(20)", "postgresql": "varchar(20)"}
# What may stand in the database in place of the table that the schema means.
OTHERS = {
    "another type": "id BIGINT NOT NULL PRIMARY KEY, name {text} UNIQUE, born {text} NOT NULL, pay {text}, boss {text}",
    "a column too few": "id BIGINT NOT NULL PRIMARY KEY, name {text} UNIQUE, born DATE NOT NULL, boss BIGINT",
    "a column too many": "id BIGINT NOT NULL PRIMARY KEY, name {text} UNIQUE, born DATE NOT NULL, pay DECIMAL(8,2), boss BIGINT, "
                         "more INTEGER",
    "no keys": "id BIGINT, name {text}, born DATE, pay DECIMAL(8,2), boss BIGINT",
    "other keys": "id BIGINT NOT NULL, name {text} NOT NULL, born DATE NOT NULL, pay DECIMAL(8,2) UNIQUE, boss BIGINT NOT NULL, "
                  "PRIMARY KEY (name, boss)",
    "a reference": "id BIGINT NOT NULL PRIMARY KEY, name {text} UNIQUE, born DATE NOT NULL, pay DECIMAL(8,2), boss BIGINT, "
                   "FOREIGN KEY (boss) REFERENCES other_people (id)",
}


def run_sql(place, script):
    if place.kind == "sqlite":
        (place.folder / "data").mkdir(exist_ok=True)
        with contextlib.closing(sqlite3.connect(place.folder / "data/rowgate.db")) as database:
            database.executescript(script.removeprefix(".bail on\n"))
        return
    head = f"USE {place.space};\n" if place.kind == "mysql" else f"SET search_path TO {place.space};\n"
    sql(place.kind, head + script)


def configure(place, tables):
    config = {"tables": tables}
    if place.kind == "sqlite":
        config["database"] = {"url": "sqlite:./data/rowgate.db"}
    (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def plan(place, *tables):
    """The script, empty when there is nothing to do."""
    return place.rowgate("db", "plan", *tables, code=None).decode()


@pytest.mark.parametrize("keys", ["check", "enforce"])
def test_tables_that_are_not_there_are_made_parents_first(any_place, keys):
    place = any_place
    config = yaml.safe_load((place.folder / "rowgate.yaml").read_text())
    for name in reversed(TABLES):  # whatever order they have in the file
        table = config["tables"].pop(name)
        config["tables"][name] = {**table, "keys": keys}
    (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    script = plan(place)
    assert script.index('CREATE TABLE "departments"') < script.index('CREATE TABLE "hired_employees"')
    assert ("FOREIGN KEY" in script) == (keys == "enforce")
    assert place.rowgate("tables", "--json").decode().count('"exists": true') == 0, "it only prints"
    run_sql(place, script)
    assert place.rowgate("db", "plan") == b""
    place.rowgate("load", *(f"{table}.csv" for table in TABLES))
    assert place.rowgate("db", "plan") == b""
    place.rowgate("load", "jobs.csv", "--mode", "upsert")


@pytest.mark.parametrize("what", OTHERS)
def test_a_table_that_differs_is_changed(any_place, what):
    place = any_place
    columns = OTHERS[what].format(text=TEXT[place.kind])
    run_sql(place, "CREATE TABLE other_people (id BIGINT PRIMARY KEY); INSERT INTO other_people VALUES (7);\n"
                   f"CREATE TABLE people ({columns});\n"
                   "INSERT INTO people (id, name, born, boss) VALUES (1, 'Ada', '1815-12-10', 7);\n")
    configure(place, {"people": {"schema": GOOD}, "cities": {"schema": {"fields": [{"name": "id", "type": "integer"}]}}})
    items = json.loads(place.rowgate("db", "plan", "people", "--json", code=5))["items"]
    assert [item["table"] for item in items] == ["people"] and items[0]["differences"]
    script = plan(place, "people")
    for difference in items[0]["differences"]:
        assert f"-- people: {difference}" in script
    assert script == plan(place, "people"), "it only prints"
    run_sql(place, script)
    assert plan(place, "people") == ""
    (place.folder / "people.csv").write_text("id,name,born,pay,boss\n2,Bo,1999-01-31,10.50,1\n3,Ada,2000-01-01,1,\n")
    place.rowgate("load", "people.csv", "--max-rejects", "1")
    rows = place.rowgate("rows", "people", "--format", "csv").decode().splitlines()
    assert rows == ["id,name,born,pay,boss", "1,Ada,1815-12-10,,7", "2,Bo,1999-01-31,10.50,1"]


def test_an_unknown_table_is_said(any_place):
    assert any_place.rowgate("db", "plan", "jobz", code=2) == b""


# ---- grants

RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "CREATE TEMPORARY TABLES")


@pytest.fixture
def granted(place):
    """The place for a loader and a reader who have what `db grants` prints, and nothing else."""
    suffix = place.space.removeprefix("hr_")
    users = [f"ldr_{suffix}", f"rdr_{suffix}"]
    for user in users:
        make_user(place.kind, user)
    url = place.environment["ROWGATE_DATABASE__URL"]
    place.environment["ROWGATE_DATABASE__URL"] = url.replace("loader@", f"{users[0]}@")
    place.environment["ROWGATE_DATABASE__READER_URL"] = url.replace("loader@", f"{users[1]}@")
    yield place
    drop_users(place.kind, *users)


def enforce_keys(place):
    config = yaml.safe_load((place.folder / "rowgate.yaml").read_text())
    for table in config["tables"].values():
        table["keys"] = "enforce"
    (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def whole_cycle(place):
    """Everything that a loader and a reader do."""
    place.rowgate("validate", "departments.csv")
    place.rowgate("load", *(f"{table}.csv" for table in TABLES))
    (place.folder / "more.csv").write_text("id,job\n1,Changed\n9001,New\nx,bad\n")
    place.rowgate("load", "more.csv", "--table", "jobs", "--mode", "upsert", "--max-rejects", "1")
    (place.folder / "dirty.csv").write_text("id,job\n1,Again\n9002,Newer\n")
    place.rowgate("load", "dirty.csv", "--table", "jobs", "--max-rejects", "1")
    run = json.loads(place.rowgate("runs", "--json"))["items"][0]["id"]
    assert b"Again" in place.rowgate("rejects", "export", run)
    for table in reversed(TABLES):
        place.rowgate("load", f"{table}.csv", "--mode", "replace", "--yes")
    # Somebody else's index is kept: the rows are exchanged in place.
    name = f"{place.space}.departments" if place.kind == "mysql" else f'"{place.space}".departments'
    sql(place.kind, f"CREATE INDEX by_hand ON {name} (department)", "admin")
    place.rowgate("load", "departments.csv", "--mode", "replace", "--yes")
    sql(place.kind, f"DROP INDEX by_hand ON {name}" if place.kind == "mysql" else f'DROP INDEX "{place.space}".by_hand', "admin")
    for report in REPORTS:
        place.rowgate("report", report, "--format", "csv")
    assert "no problems" in place.rowgate("doctor").decode()


@pytest.mark.parametrize("keys", ["check", "enforce"])
def test_the_printed_rights_are_enough(granted, keys):
    if keys == "enforce":
        enforce_keys(granted)
    script = granted.rowgate("db", "grants", "--host", "127.0.0.1").decode()
    assert ("REFERENCES" in script) == (keys == "enforce" and granted.kind == "mysql")
    sql(granted.kind, script, "admin")
    whole_cycle(granted)


@pytest.mark.parametrize("place", ["mysql"], indirect=True)
@pytest.mark.parametrize("right", RIGHTS)
def test_no_printed_right_can_be_left_out(granted, right):
    script = granted.rowgate("db", "grants", "--host", "127.0.0.1").decode()
    first = next(line for line in script.splitlines() if line.startswith("GRANT SELECT, INSERT"))
    listed = first.removeprefix("GRANT ").partition(" ON ")[0].split(", ")
    assert listed == list(RIGHTS)
    less = script.replace(", ".join(listed), ", ".join(other for other in listed if other != right))
    sql("mysql", less, "admin")
    with pytest.raises(AssertionError, match="database.privilege|CREATE|denied"):
        whole_cycle(granted)


def test_every_namespace_is_in_the_grants(place):
    script = place.rowgate("db", "grants").decode()
    other = place.other.replace("_", "\\_") if place.kind == "mysql" else place.other
    assert other in script and ("'loader'@'%'" in script or '"loader"' in script)


def test_sqlite_has_no_users(on_sqlite):
    assert on_sqlite.rowgate("db", "grants").decode().startswith("-- SQLite has no users")
