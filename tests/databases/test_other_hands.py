"""What other hands made of a table: a load keeps it, tells what it refuses, and is refused where it cannot be done."""

import contextlib
import json
import sqlite3

import pytest
from places import Place, sql
from test_real_tables import INTEGER, NAME, configure, load, on_sqlite, rows, run_sql  # noqa: F401


def count(place, question):
    if place.kind == "sqlite":
        with contextlib.closing(sqlite3.connect(place.folder / "data/rowgate.db")) as database:
            return database.execute(question).fetchone()[0]
    head = f"USE {place.space};\n" if place.kind == "mysql" else f"SET search_path TO {place.space};\n"
    return int(sql(place.kind, head + question, "admin").split()[-1])


@pytest.mark.parametrize("mode", ["append", "upsert", "replace"])
@pytest.mark.parametrize("index", ["(name) WHERE id > 5", "(lower(name))"])
def test_what_such_an_index_refuses_on_sqlite_is_a_reject(on_sqlite, index, mode):
    configure(on_sqlite, t={"fields": [INTEGER, NAME]})
    load(on_sqlite, "t", "id,name\n6,a\n")
    run_sql(on_sqlite, f"CREATE UNIQUE INDEX p ON t {index}")
    run = load(on_sqlite, "t", "id,name\n7,b\n8,b\n9,c\n", "--mode", mode, "--max-rejects", "1", "--yes")
    assert [(reject["code"], reject["count"], reject["first_line"]) for reject in run["rejects"]] == [("key.not_unique", 1, 3)]
    assert rows(on_sqlite, "t") == ([] if mode == "replace" else ["6,a"]) + ["7,b", "9,c"]
    if mode == "upsert":
        run = load(on_sqlite, "t", "id,name\n7,c\n10,d\n", "--mode", mode, "--max-rejects", "1")
        assert [(reject["code"], reject["first_line"]) for reject in run["rejects"]] == [("key.not_unique", 2)]
        assert rows(on_sqlite, "t") == ["6,a", "7,b", "9,c", "10,d"]


def test_a_key_that_no_index_takes_is_a_reject_everywhere(any_place):
    texts = [{"name": name, "type": "string", "constraints": {"maxLength": 191}} for name in "abcd"]
    configure(any_place, t={"primaryKey": list("abcd"), "fields": texts})
    long = "\u20ac" * 191
    load(any_place, "t", f"a,b,c,d\n{long},{long},{long},{long}\n")
    wide = "\U0001f600" * 191
    run = load(any_place, "t", f"a,b,c,d\n{wide},{wide},{wide},{wide}\n1,2,3,4\n", "--max-rejects", "1")
    assert [(reject["code"], reject["first_line"]) for reject in run["rejects"]] == [("limit.key", 2)]
    assert b"limit.key" in any_place.rowgate("validate", "t.csv", "--json", code=None)


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_a_table_too_wide_is_told_before_the_first_row(kind, tmp_path):
    place = Place(kind, tmp_path)
    names = [f"c{i}" for i in range(1024)]
    configure(place, t={"primaryKey": ["c0"], "fields": [{"name": name, "type": "integer"} for name in names]})
    said = json.dumps(load(place, "t", ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n", code=3))
    assert "limit.columns" in said
    place.drop()


OWN_PARTS = {
    "sqlite": [("CREATE INDEX mine ON t (name)", "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'mine'"),
               ("CREATE TRIGGER mine AFTER INSERT ON t BEGIN SELECT 1; END", "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'mine'")],
    "mysql": [("CREATE INDEX mine ON t (name)", "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = 'mine'"),
              ("CREATE TRIGGER mine AFTER INSERT ON t FOR EACH ROW SET @x = 1",
               "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name = 'mine'")],
    "postgresql": [
        ("CREATE INDEX mine ON t (name)", "SELECT COUNT(*) FROM pg_class WHERE relname = 'mine' AND relnamespace = current_schema()::regnamespace"),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "SELECT COUNT(*) FROM pg_class WHERE oid = 't'::regclass AND relrowsecurity"),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON t USING (id < 100)",
         "SELECT COUNT(*) FROM pg_policy WHERE polrelid = 't'::regclass"),
        ("CREATE RULE mine AS ON DELETE TO t WHERE false DO NOTHING", "SELECT COUNT(*) FROM pg_rewrite WHERE ev_class = 't'::regclass"),
        ("GRANT SELECT ON t TO PUBLIC", "SELECT COUNT(*) FROM pg_class WHERE oid = 't'::regclass AND relacl::text LIKE '%{=r/%'"
                                        " OR oid = 't'::regclass AND relacl::text LIKE '%,=r/%'"),
        ("CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT COUNT(*) FROM t; END", "SELECT COUNT(*) FROM pg_proc WHERE proname = 'f' AND pronamespace = current_schema()::regnamespace"),
        ("CREATE TABLE holder (r t)", "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = 'holder'::regclass AND attname = 'r'"),
        ("CREATE TABLE heir () INHERITS (t)", "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 't'::regclass"),
        ("CREATE PUBLICATION SPACE_mine FOR TABLE t", "SELECT COUNT(*) FROM pg_publication_rel WHERE prrelid = 't'::regclass"),
    ],
}


@pytest.mark.parametrize(("kind", "part", "question"), [(kind, *part) for kind, parts in OWN_PARTS.items() for part in parts])
def test_a_replace_keeps_what_others_made(kind, part, question, tmp_path):
    place = Place(kind, tmp_path)
    configure(place, t={"fields": [INTEGER, NAME]})
    load(place, "t", "id,name\n1,a\n2,b\n")
    run_sql(place, part.replace("SPACE", str(getattr(place, "space", ""))))
    load(place, "t", "id,name\n2,c\n3,d\n", "--mode", "replace", "--yes")
    assert rows(place, "t") == ["2,c", "3,d"]
    assert count(place, question) == 1
    if "PUBLICATION" in part:
        run_sql(place, f"DROP PUBLICATION {place.space}_mine")
    place.drop()


def test_a_replace_tells_rows_that_a_trigger_keeps(on_sqlite):
    configure(on_sqlite, t={"fields": [INTEGER, NAME]})
    load(on_sqlite, "t", "id,name\n1,a\n")
    run_sql(on_sqlite, "CREATE TRIGGER keeps BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE); END")
    said = json.dumps(load(on_sqlite, "t", "id,name\n2,b\n", "--mode", "replace", "--yes", code=5))
    assert "database.rows_missing" in said
    assert "keeps" in said
    assert rows(on_sqlite, "t") == ["1,a"]
