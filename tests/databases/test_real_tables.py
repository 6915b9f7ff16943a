"""A table is more than its schema says: triggers, indexes, engines and collations of other hands decide before the first row, or are told."""

import contextlib
import json
import sqlite3
import subprocess

import pytest
import yaml
from places import Place, sql

INTEGER = {"name": "id", "type": "integer"}
NAME = {"name": "name", "type": "string", "constraints": {"maxLength": 40}}


@pytest.fixture
def on_sqlite(tmp_path):
    return Place("sqlite", tmp_path)


@pytest.fixture
def on_mysql(tmp_path):
    made = Place("mysql", tmp_path)
    yield made
    made.drop()


@pytest.fixture
def on_postgresql(tmp_path):
    made = Place("postgresql", tmp_path)
    yield made
    made.drop()


def run_sql(place, script):
    if place.kind == "sqlite":
        (place.folder / "data").mkdir(exist_ok=True)
        with contextlib.closing(sqlite3.connect(place.folder / "data/rowgate.db")) as database:
            database.executescript(script)
        return
    head = f"USE {place.space};\n" if place.kind == "mysql" else f"SET search_path TO {place.space};\n"
    sql(place.kind, head + script)


def configure(place, **tables):
    config = {"tables": {name: table if "schema" in table else {"schema": {"primaryKey": ["id"], **table}}
                         for name, table in tables.items()}}
    if place.kind == "sqlite":
        config["database"] = {"url": "sqlite:./data/rowgate.db"}
    (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def load(place, table, text, *options, code=0):
    """The run as JSON; of one that fails its error, with everything that was said."""
    (place.folder / f"{table}.csv").write_text(text)
    answer = json.loads(place.rowgate("load", f"{table}.csv", "--json", *options, code=code))
    return answer["runs"][0] if "runs" in answer else answer


def rows(place, table):
    return place.rowgate("rows", table, "--format", "csv").decode().split("\r\n")[1:-1]


IGNORES = {
    "sqlite": "CREATE TRIGGER swallows BEFORE INSERT ON t WHEN NEW.id > 10 BEGIN SELECT RAISE(IGNORE); END;",
    "postgresql": "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id > 10 THEN RETURN NULL; END IF; "
                  "RETURN NEW; END $$; CREATE TRIGGER swallows BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION swallow();",
}


@pytest.mark.parametrize("mode", ["append", "upsert"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_trigger_that_swallows_rows_is_told(kind, mode, tmp_path):
    place = Place(kind, tmp_path)
    configure(place, t={"fields": [INTEGER, NAME]})
    load(place, "t", "id,name\n1,a\n")
    run_sql(place, IGNORES[kind])
    said = json.dumps(load(place, "t", "id,name\n2,b\n11,c\n12,d\n", "--mode", mode, code=5))
    assert "database.rows_missing" in said
    assert "swallows" in said
    if kind == "sqlite":
        assert "line 3" in said
    assert rows(place, "t") == ["1,a"]
    place.drop()


def test_a_trigger_that_swallows_updates_is_told(on_postgresql):
    configure(on_postgresql, t={"fields": [INTEGER, NAME]})
    load(on_postgresql, "t", "id,name\n11,a\n")
    run_sql(on_postgresql, IGNORES["postgresql"])
    assert "database.rows_missing" in json.dumps(load(on_postgresql, "t", "id,name\n2,b\n11,c\n", "--mode", "upsert", code=5))
    assert rows(on_postgresql, "t") == ["11,a"]


def test_an_upsert_leaves_alone_what_the_file_lacks(any_place):
    fields = [INTEGER, NAME, {"name": "pay", "type": "integer"}, {"name": "code", "type": "string", "constraints": {"maxLength": 9}}]
    configure(any_place, t={"fields": fields, "uniqueKeys": [["code"]], "fieldsMatch": "superset"})
    load(any_place, "t", "id,name,pay,code\n1,Ada,100,a\n2,Bob,200,b\n")
    run = load(any_place, "t", "id,name\n1,Ada B.\n3,Cleo\n", "--mode", "upsert")
    assert '"inserted": 1' in json.dumps(run)
    assert '"updated": 1' in json.dumps(run)
    assert rows(any_place, "t") == ["1,Ada B.,100,a", "2,Bob,200,b", "3,Cleo,,"]
    load(any_place, "t", "id\n1\n", "--mode", "upsert")
    assert rows(any_place, "t")[0] == "1,Ada B.,100,a"


def test_an_upsert_needs_keys_and_what_is_required(any_place):
    fields = [INTEGER, {**NAME, "constraints": {"maxLength": 40, "required": True}}, {"name": "pay", "type": "integer"},
              {"name": "grade", "type": "integer"}]
    configure(any_place, t={"fields": fields, "uniqueKeys": [["pay", "grade"]], "fieldsMatch": "superset"})
    load(any_place, "t", "id,name,pay,grade\n1,Ada,100,1\n")
    for header, values, lacks in (("id,pay,grade", "1,5,5", "name"), ("name,pay,grade", "Ada,5,5", "id"), ("id,name,pay", "1,Ada,5", "grade")):
        said = json.dumps(load(any_place, "t", f"{header}\n{values}\n", "--mode", "upsert", code=3))
        assert "header.mismatch" in said
        assert f"`{lacks}`" in said
    assert rows(any_place, "t") == ["1,Ada,100,1"]


def test_a_replace_says_what_it_empties(any_place):
    configure(any_place, t={"fields": [INTEGER, NAME], "fieldsMatch": "superset"})
    load(any_place, "t", "id,name\n1,a\n")
    assert "the file has no `name`" in json.dumps(load(any_place, "t", "id\n1\n", "--mode", "replace", "--yes"))
    assert rows(any_place, "t") == ["1,"]


@pytest.mark.parametrize("engine", ["MyISAM", "Aria"])
def test_an_engine_without_transactions_is_refused_before_the_first_row(on_mysql, engine):
    configure(on_mysql, t={"fields": [INTEGER, NAME]})
    load(on_mysql, "t", "id,name\n1,old\n")
    run_sql(on_mysql, f"ALTER TABLE t ENGINE={engine}")
    for mode in ("append", "upsert"):
        said = json.dumps(load(on_mysql, "t", "id,name\n1,dup\n2,b\nx,c\n", "--mode", mode, code=None))
        assert rows(on_mysql, "t") == ["1,old"]
        assert "table.not_transactional" in said
        assert engine in said


PARTS = {
    "mysql": ["CREATE UNIQUE INDEX p ON t (name(3))"],
    "postgresql": ["CREATE UNIQUE INDEX p ON t (name) WHERE id > 5", "CREATE UNIQUE INDEX p ON t (lower(name))"],
}


@pytest.mark.parametrize(("kind", "index"), [(kind, index) for kind, indexes in PARTS.items() for index in indexes])
def test_unique_indexes_that_no_schema_can_say(kind, index, tmp_path):
    place = Place(kind, tmp_path)
    configure(place, t={"fields": [INTEGER, NAME]})
    load(place, "t", "id,name\n1,a\n")
    run_sql(place, index)
    for mode in ("append", "upsert"):
        said = json.dumps(load(place, "t", "id,name\n7,b\n8,b\n", "--mode", mode, code=5))
        assert "table.differs" in said
        assert "`p`" in said
    assert rows(place, "t") == ["1,a"]
    place.drop()


def test_an_index_of_the_first_characters_is_not_the_key(on_mysql):
    configure(on_mysql, t={"fields": [INTEGER, NAME], "uniqueKeys": [["name"]]})
    load(on_mysql, "t", "id,name\n1,a\n")
    index = sql("mysql", "SELECT index_name FROM information_schema.statistics WHERE table_name = 't' AND column_name = 'name' AND "
                         f"table_schema = '{on_mysql.space}'")
    run_sql(on_mysql, f"DROP INDEX `{index}` ON t; CREATE UNIQUE INDEX `{index}` ON t (name(3))")
    assert "table.differs" in json.dumps(load(on_mysql, "t", "id,name\n2,abcx\n3,abcy\n", code=5))
    assert rows(on_mysql, "t") == ["1,a"]


@pytest.mark.parametrize("table", ["k TEXT COLLATE NOCASE PRIMARY KEY, v INTEGER", "k TEXT COLLATE RTRIM PRIMARY KEY, v INTEGER"])
def test_keys_that_do_not_compare_bytes_on_sqlite(on_sqlite, table):
    key = {"name": "k", "type": "string"}
    configure(on_sqlite, t={"primaryKey": ["k"], "fields": [key, {"name": "v", "type": "integer"}]})
    run_sql(on_sqlite, f"CREATE TABLE t ({table})")
    for mode in ("upsert", "append"):
        said = json.dumps(load(on_sqlite, "t", "k,v\nabc,1\nABC,2\n", "--mode", mode, code=5))
        assert "table.differs" in said
        assert "collation" in said
    assert rows(on_sqlite, "t") == []


@pytest.mark.parametrize(("before", "after", "value"), [
    ({"type": "number", "rowgate:decimal": [10, 2]}, {"type": "number", "rowgate:decimal": [10, 3]}, "1.50"),
    ({"type": "datetime"}, {"type": "datetime", "rowgate:precision": 3}, "2021-01-01T00:00:00Z"),
    ({"type": "string", "constraints": {"maxLength": 36}}, {"type": "date"}, "2021-01-01"),
    ({"type": "string", "constraints": {"maxLength": 36}}, {"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-00000000abcd"),
])
def test_a_changed_schema_is_a_difference(any_place, before, after, value):
    configure(any_place, t={"primaryKey": ["k"], "fields": [{"name": "k", **before}]})
    load(any_place, "t", f"k\n{value}\n")
    configure(any_place, t={"primaryKey": ["k"], "fields": [{"name": "k", **after}]})
    for mode in ("append", "upsert"):
        assert "table.differs" in json.dumps(load(any_place, "t", f"k\n{value}\n", "--mode", mode, code=5))
    configure(any_place, t={"primaryKey": ["k"], "fields": [{"name": "k", **before}]})
    assert rows(any_place, "t") == [value]


PARENTS = {
    "sqlite": ("CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE)", False),
    "mysql": ("CREATE TABLE p (id BIGINT PRIMARY KEY, code VARCHAR(40) COLLATE utf8mb4_general_ci UNIQUE)", False),
    "postgresql": ('CREATE TABLE p (id bigint PRIMARY KEY, code text COLLATE "en-x-icu" UNIQUE)', True),
}


@pytest.mark.parametrize("kind", PARENTS)
def test_a_parent_of_another_collation(kind, tmp_path):
    """Where bytes can be compared they are; elsewhere the load is refused before the first row."""
    place = Place(kind, tmp_path)
    parent, compares = PARENTS[kind]
    code = {"name": "code", "type": "string", "constraints": {"maxLength": 40}}
    configure(place, p={"fields": [INTEGER, code], "uniqueKeys": [["code"]]},
              t={"fields": [INTEGER, code], "foreignKeys": [{"fields": "code", "reference": {"resource": "p", "fields": "code"}}]})
    run_sql(place, f"{parent}; INSERT INTO p VALUES (1, 'abc');")
    for mode in ("append", "upsert"):
        if compares:
            load(place, "t", "id,code\n1,abc\n2,ABC\n", "--mode", mode, "--max-rejects", "1")
            assert rows(place, "t") == ["1,abc"]
            run_sql(place, "DROP TABLE t")
        else:
            assert "table.differs" in json.dumps(load(place, "t", "id,code\n1,abc\n2,ABC\n", "--mode", mode, code=5))
    place.drop()


FORMS = [
    ({"type": "number", "rowgate:decimal": [10, 2]}, {"type": "number", "rowgate:decimal": [10, 3]}, "1.50"),
    ({"type": "number"}, {"type": "number", "rowgate:decimal": [10, 2]}, "1.50"),
    ({"type": "datetime"}, {"type": "datetime", "rowgate:precision": 3}, "2021-01-01T00:00:00Z"),
    ({"type": "time"}, {"type": "time", "rowgate:precision": 6}, "10:00:00"),
    ({"type": "string", "format": "uuid"}, {"type": "string", "constraints": {"maxLength": 36}}, "00000000-0000-4000-8000-00000000abcd"),
]


@pytest.mark.parametrize(("parent", "child", "value"), FORMS)
def test_two_sides_of_a_foreign_key_have_one_form(any_place, parent, child, value):
    def tables(of_parent):
        return {"p": {"primaryKey": ["k"], "fields": [{"name": "k", **of_parent}]},
                "t": {"fields": [INTEGER, {"name": "k", **child}],
                      "foreignKeys": [{"fields": "k", "reference": {"resource": "p", "fields": "k"}}]}}
    configure(any_place, **tables(parent))
    assert b"is of type" in any_place.rowgate("config", "check", "--json", code=2)
    configure(any_place, p=tables(parent)["p"])
    load(any_place, "p", f"k\n{value}\n")
    configure(any_place, **tables(child))  # the parent is as it was
    assert "table.differs" in json.dumps(load(any_place, "t", f"id,k\n1,{value}\n", code=5))


STAFF = {"fields": [INTEGER, {"name": "code", "type": "string", "constraints": {"maxLength": 9}},
                    {"name": "boss", "type": "string", "constraints": {"maxLength": 9}}],
         "uniqueKeys": [["code"]], "foreignKeys": [{"fields": "boss", "reference": {"resource": "", "fields": "code"}}]}


@pytest.mark.parametrize("keys", ["check", "enforce"])
def test_an_upsert_is_judged_by_the_table_as_it_will_be(any_place, keys):
    configure(any_place, t={"schema": {"primaryKey": ["id"], **STAFF}, "keys": keys})
    load(any_place, "t", "id,code,boss\n1,A,\n2,B,A\n")
    # 2, which the file does not have, would lose its parent
    assert "key.has_children" in json.dumps(load(any_place, "t", "id,code,boss\n1,Z,\n", "--mode", "upsert", code=3))
    assert rows(any_place, "t") == ["1,A,", "2,B,A"]
    # A is gone when the file is in, and Z is there
    run = load(any_place, "t", "id,code,boss\n1,Z,\n2,B,Z\n3,C,A\n4,D,Z\n", "--mode", "upsert", "--max-rejects", "1")
    assert "key.no_parent" in json.dumps(run)
    assert rows(any_place, "t") == ["1,Z,", "2,B,Z", "4,D,Z"]


def test_an_upsert_that_changes_a_key_with_children(any_place):
    code = {"name": "code", "type": "string", "constraints": {"maxLength": 9}}
    parent = {"schema": {"primaryKey": ["id"], "fields": [INTEGER, code], "uniqueKeys": [["code"]]}}
    child = {"primaryKey": ["id"], "fields": [INTEGER, code],
             "foreignKeys": [{"fields": "code", "reference": {"resource": "p", "fields": "code"}}]}
    configure(any_place, p=parent, t={"schema": child, "keys": "enforce"})
    load(any_place, "p", "id,code\n1,A\n2,B\n")
    load(any_place, "t", "id,code\n1,A\n")
    assert "key.has_children" in json.dumps(load(any_place, "p", "id,code\n1,C\n", "--mode", "upsert", code=3))
    assert rows(any_place, "p") == ["1,A", "2,B"]
    load(any_place, "p", "id,code\n2,C\n", "--mode", "upsert")
    assert rows(any_place, "p") == ["1,A", "2,C"]


def in_shell(place, script):
    """By the program for which the script is written."""
    return subprocess.run(["sqlite3", "data/rowgate.db"], cwd=place.folder, input=script, capture_output=True, check=False).returncode


def stored(place):
    with contextlib.closing(sqlite3.connect(place.folder / "data/rowgate.db")) as database:
        return database.execute("SELECT * FROM t ORDER BY id").fetchall()


@pytest.mark.parametrize(("before", "after", "values"), [
    ({"type": "string"}, {"type": "string", "constraints": {"required": True}}, "a|b|"),
    ({"type": "number"}, {"type": "integer"}, "1|2.5|3"),
    ({"type": "number"}, {"type": "number", "rowgate:decimal": [10, 2]}, "1.5|1.239|2"),
    ({"type": "number", "rowgate:decimal": [10, 3]}, {"type": "number", "rowgate:decimal": [10, 2]}, "1.500|1.239|2"),
    ({"type": "datetime", "rowgate:precision": 3}, {"type": "datetime"}, "2021-01-01T00:00:00.100Z"),
    ({"type": "string"}, {"type": "string", "format": "uuid"}, "00000000-0000-4000-8000-00000000ABCD"),
])
def test_a_plan_fails_rather_than_changes_values(on_sqlite, before, after, values):
    configure(on_sqlite, t={"fields": [INTEGER, {"name": "a", **before}]})
    load(on_sqlite, "t", "id,a\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values.split("|"))))
    there = stored(on_sqlite)
    configure(on_sqlite, t={"fields": [INTEGER, {"name": "a", **after}]})
    assert in_shell(on_sqlite, on_sqlite.rowgate("db", "plan", code=None)) != 0
    assert stored(on_sqlite) == there


def test_a_plan_keeps_views_triggers_and_the_old_table(on_sqlite):
    decimal = {"name": "a", "type": "number", "rowgate:decimal": [10, 2]}
    configure(on_sqlite, t={"fields": [INTEGER, decimal]})
    load(on_sqlite, "t", "id,a\n1,1.50\n2,-2.25\n3,\n")
    run_sql(on_sqlite, "CREATE VIEW v AS SELECT id FROM t; CREATE INDEX i ON t (a); "
                       "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;")
    configure(on_sqlite, t={"fields": [INTEGER, {**decimal, "rowgate:decimal": [10, 3]}, NAME]})
    assert in_shell(on_sqlite, on_sqlite.rowgate("db", "plan", code=None)) == 0
    assert rows(on_sqlite, "t") == ["1,1.500,", "2,-2.250,", "3,,"]
    assert on_sqlite.rowgate("db", "plan", code=None) == b""
    load(on_sqlite, "t", "id,a,name\n4,1,x\n")
    with contextlib.closing(sqlite3.connect(on_sqlite.folder / "data/rowgate.db")) as database:
        assert database.execute("SELECT COUNT(*) FROM v").fetchone() == (4,)
        assert database.execute("SELECT COUNT(*) FROM __rg_kept_t").fetchone() == (3,)
        assert database.execute("SELECT name FROM sqlite_schema WHERE tbl_name = 't' AND name IN ('g', 'i') ORDER BY 1").fetchall() == \
            [("g",), ("i",)]


CHANGES = [
    ({"type": "number"}, {"type": "number", "rowgate:decimal": [10, 2]}, "1.5|1.239|2"),
    ({"type": "number"}, {"type": "integer"}, "1|2.5|3"),
    ({"type": "number", "rowgate:decimal": [10, 3]}, {"type": "number", "rowgate:decimal": [10, 2]}, "1.500|1.239|2"),
    ({"type": "datetime", "rowgate:precision": 6}, {"type": "datetime"}, "2021-01-01T00:00:00Z|2021-01-01T00:00:00.999999Z"),
    ({"type": "integer"}, {"type": "number"}, "1|9007199254740993"),
    ({"type": "string", "constraints": {"maxLength": 40}}, {"type": "date"}, "2021-01-01|2021-02-31"),
    ({"type": "string", "constraints": {"maxLength": 40}}, {"type": "integer"}, "1|x"),
]


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
@pytest.mark.parametrize(("before", "after", "values"), CHANGES)
def test_a_plan_of_a_server_fails_rather_than_changes_values(kind, before, after, values, tmp_path):
    place = Place(kind, tmp_path)
    try:
        configure(place, t={"fields": [INTEGER, {"name": "a", **before}]})
        load(place, "t", "id,a\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values.split("|"))))
        there = rows(place, "t")
        configure(place, t={"fields": [INTEGER, {"name": "a", **after}]})
        script = place.rowgate("db", "plan", code=None).decode()
        notes = [line for line in script[:script.index("ALTER TABLE")].splitlines() if "the script fails" in line]
        assert len(notes) == 1
        assert "column `a`" in notes[0]
        assert ": 1 values would change" in notes[0] or "cannot be of the new type" in notes[0]
        with pytest.raises(subprocess.CalledProcessError):
            run_sql(place, script)
        configure(place, t={"fields": [INTEGER, {"name": "a", **before}]})
        assert rows(place, "t") == there
    finally:
        place.drop()


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_a_plan_of_a_server_keeps_the_rows_as_they_were(kind, tmp_path):
    place = Place(kind, tmp_path)
    try:
        configure(place, t={"fields": [INTEGER, {"name": "a", "type": "number"}, NAME]})
        load(place, "t", "id,a,name\n1,1.5,x\n2,2,\n")
        configure(place, t={"fields": [INTEGER, {"name": "a", "type": "number", "rowgate:decimal": [10, 2]}]})
        script = place.rowgate("db", "plan", code=None).decode()
        assert "-- 1 values of the column `name` are left out" in script[:script.index("CREATE TABLE")]
        assert ("BEGIN;" in script and script.rstrip().endswith("COMMIT;")) == (kind == "postgresql")
        run_sql(place, script)
        assert rows(place, "t") == ["1,1.50", "2,2.00"]
        assert place.rowgate("db", "plan", code=None) == b""
        load(place, "t", "id,a\n3,1\n")  # drops what runs left behind, and not this
        load(place, "t", "id,a\n4,1\n", "--mode", "replace", "--yes")
        assert sql(kind, f"SELECT COUNT(*) FROM {place.space}.__rg_kept_t") == "2"
    finally:
        place.drop()


def test_constraints_are_named_after_their_table(on_postgresql):
    """And not after the table that stood in while it was filled."""
    configure(on_postgresql, t={"fields": [INTEGER, NAME], "uniqueKeys": [["name"]]})
    for times in range(2):
        load(on_postgresql, "t", "id,name\n1,a\n", "--mode", "replace", "--yes")
        names = sql("postgresql", "SELECT o.conname FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON "
                                  f"n.oid = c.relnamespace WHERE n.nspname = '{on_postgresql.space}' AND c.relname = 't' ORDER BY 1")
        assert names.split() == ["t_name_key", "t_pkey"], f"after {times + 1} replaces"
