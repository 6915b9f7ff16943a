"""Reports are the same bytes on the three engines, and links are reused only for what their own server would give."""

import contextlib
import json
import sqlite3
import urllib.request

import pytest
import yaml
from places import Place, Server, sql

KINDS = ("sqlite", "mysql", "postgresql")
ID = {"name": "id", "type": "integer"}


def make(kind, folder):
    folder.mkdir(exist_ok=True)
    return Place(kind, folder)


@pytest.fixture
def three(tmp_path):
    places = [make(kind, tmp_path / kind) for kind in KINDS]
    yield places
    for place in places:
        place.drop()


@pytest.fixture
def on_postgresql(tmp_path):
    place = make("postgresql", tmp_path / "postgresql")
    yield place
    place.drop()


def configure(place, fields, reports, key=("id",)):
    config = {"tables": {"t": {"schema": {"primaryKey": list(key), "fields": fields}}}, "reports": reports}
    if place.kind == "sqlite":
        config["database"] = {"url": "sqlite:./data/rowgate.db"}
    (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def load(place, text, *options):
    (place.folder / "t.csv").write_text(text)
    place.rowgate("load", "t.csv", *options)


def report(place, name, *options):
    return place.rowgate("report", name, *options, "--format", "csv").decode().replace("\r", "").split("\n")[1:-1]


def test_booleans_as_parameters_and_keys(three):
    fields = [ID, {"name": "b", "type": "boolean"}, {"name": "name", "type": "string"}]
    reports = {"by": {"sql": "SELECT id FROM t WHERE b = :b ORDER BY id", "params": {"b": {"type": "boolean"}}}}
    for place in three:
        configure(place, fields, reports, key=("b", "id"))
        load(place, "id,b,name\n1,true,a\n2,false,b\n3,true,c\n4,false,d\n5,true,e\n")
        assert report(place, "by", "-p", "b=true") == ["1", "3", "5"]
        assert report(place, "by", "-p", "b=false") == ["2", "4"]
        server = Server(place)
        try:
            path, seen = "/v1/tables/t/rows?limit=2", []
            while path:
                with urllib.request.urlopen(f"http://{server.address}{path}", timeout=30) as answer:
                    page = json.loads(answer.read())
                seen += [row["id"] for row in page["items"]]
                path = f"/v1/tables/t/rows?limit=2&cursor={page['next']}" if page["next"] else None
            assert seen == [2, 4, 1, 3, 5]
        finally:
            server.stop()


def test_computed_times_have_the_places_of_their_column(three):
    fields = [ID, {"name": "k", "type": "datetime", "rowgate:precision": 6}, {"name": "m", "type": "datetime", "rowgate:precision": 3}]
    reports = {"last": {"sql": "SELECT MAX(k) AS k FROM t"}, "first": {"sql": "SELECT MIN(m) AS m FROM t"}, "plain": {"sql": "SELECT k, m FROM t"}}
    for place in three:
        configure(place, fields, reports)
        load(place, "id,k,m\n1,2021-01-01T00:00:00.100000Z,2021-01-01T00:00:00.100Z\n")
        assert report(place, "last") == ["2021-01-01T00:00:00.100000Z"]
        assert report(place, "first") == ["2021-01-01T00:00:00.100Z"]
        assert report(place, "plain") == ["2021-01-01T00:00:00.100000Z,2021-01-01T00:00:00.100Z"]


AMOUNTS = ("1.10", "2.20", "100000000000000000.01", "100000000000000000.02", "99999999999999999.03", "-0.50")


def test_computed_decimals_are_exact(three):
    fields = [ID, {"name": "k", "type": "number", "rowgate:decimal": [20, 2]}]
    reports = {"sum": {"sql": "SELECT SUM(k) AS k FROM t"},
               "typed": {"sql": "SELECT SUM(k) AS k FROM t", "columns": [{"name": "k", "type": "number", "decimals": 2}]},
               "small": {"sql": "SELECT SUM(k) AS k FROM t WHERE id < 3"}}
    for place in three:
        configure(place, fields, reports)
        load(place, "id,k\n" + "".join(f"{i},{amount}\n" for i, amount in enumerate(AMOUNTS, 1)))
        assert report(place, "sum") == ["300000000000000001.86"]
        assert report(place, "typed") == ["300000000000000001.86"]
        assert report(place, "small") == ["3.3"]
        assert json.loads(place.rowgate("report", "small", "--format", "json")) == [{"k": 3.3}]


def test_means_are_the_same_double(three):
    fields = [ID, {"name": "k", "type": "number", "rowgate:decimal": [12, 2]}]
    for place in three:
        configure(place, fields, {"mean": {"sql": "SELECT AVG(k) AS k FROM t"}, "ids": {"sql": "SELECT AVG(id) AS i FROM t"}})
        load(place, "id,k\n1,1.10\n2,2.20\n4,2.30\n")
        assert report(place, "mean") == ["1.8666666666666667"]
        assert report(place, "ids") == ["2.3333333333333335"]


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
@pytest.mark.parametrize("has_ledger", [True, False])
def test_a_reader_that_lags_gives_no_link_a_false_reuse(kind, has_ledger, tmp_path):
    place, replica = make(kind, tmp_path / "primary"), make(kind, tmp_path / "replica")
    try:
        reports = {"r": {"sql": "SELECT id FROM t ORDER BY id", "filename": "r.csv"}}
        for each in (place, replica):
            configure(each, [ID], reports)
            load(each, "id\n1\n")
        load(place, "id\n2\n")
        config = yaml.safe_load((place.folder / "rowgate.yaml").read_text())
        config["database"] = {"reader_url": replica.environment["ROWGATE_DATABASE__URL"], "reader_password": {"env": "DB_PASSWORD"}}
        (place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config))
        if not has_ledger:
            for table in ("rowgate_runs", "rowgate_schema", "rowgate_links"):
                sql(kind, f"DROP TABLE {replica.space}.{table}")

        first = link(place)
        assert first["rows"] == 1, "the replica is a row behind"
        assert link(place)["reused"] == has_ledger
        if has_ledger:
            load(replica, "id\n2\n")
        else:
            sql(kind, f"INSERT INTO {replica.space}.t VALUES (2)")
        caught_up = link(place)
        assert (caught_up["reused"], caught_up["rows"]) == (False, 2)
    finally:
        place.drop()
        replica.drop()


def link(place):
    return json.loads(place.rowgate("report", "r", "--link", "1h", "--json"))


def test_a_number_compares_with_a_decimal(three):
    """As a parameter, in an order, and at a page's end; values of a table have all their places."""
    fields = [ID, {"name": "k", "type": "number", "rowgate:decimal": [10, 2]}]
    reports = {"by": {"sql": "SELECT id FROM t WHERE k = :p", "params": {"p": {"type": "number"}}},
               "over": {"sql": "SELECT id FROM t WHERE k > :p ORDER BY id", "params": {"p": {"type": "number"}}},
               "order": {"sql": "SELECT k FROM t ORDER BY k"}, "most": {"sql": "SELECT MAX(k) AS k, MIN(k) AS l FROM t"}}
    for place in three:
        configure(place, fields, reports, key=("k",))
        load(place, "id,k\n1,1.10\n2,10.00\n3,9.50\n4,-2.25\n")
        assert report(place, "by", "-p", "p=1.1") == ["1"]
        assert report(place, "over", "-p", "p=5") == ["2", "3"]
        assert report(place, "order") == ["-2.25", "1.10", "9.50", "10.00"]
        assert report(place, "most") == ["10,-2.25"]
        assert place.rowgate("rows", "t", "--format", "csv").decode().split() == ["id,k", "4,-2.25", "1,1.10", "3,9.50", "2,10.00"]
        load(place, "id,k\n5,1.1\n6,1.2\n", "--max-rejects", "1")
        load(place, "id,k\n7,1.10\n", "--mode", "upsert")
        assert report(place, "by", "-p", "p=1.1") == ["7"]


def test_decimals_of_tables_made_before_are_taken(tmp_path):
    place = make("sqlite", tmp_path / "sqlite")
    fields = [ID, {"name": "k", "type": "number", "rowgate:decimal": [10, 2]}]
    configure(place, fields, {"sum": {"sql": "SELECT SUM(k) AS k FROM t"}})
    load(place, "id,k\n1,1.10\n")
    with contextlib.closing(sqlite3.connect(place.folder / "data/rowgate.db")) as database, database:
        database.executescript("DROP TABLE t; CREATE TABLE t (id INTEGER, k TEXT, PRIMARY KEY (id)) STRICT; INSERT INTO t VALUES (1, '1.10');")
    for mode in ("append", "upsert"):
        load(place, "id,k\n2,2.20\n" if mode == "append" else "id,k\n2,2.30\n", "--mode", mode)
    assert place.rowgate("rows", "t", "--format", "csv").decode().split() == ["id,k", "1,1.10", "2,2.30"]
    assert report(place, "sum") == ["3.4"]
    assert place.rowgate("db", "plan") == b""


def test_config_check_warns_of_decimals_on_sqlite(tmp_path):
    place = make("sqlite", tmp_path / "sqlite")
    fields = [ID, {"name": "k", "type": "number", "rowgate:decimal": [10, 2]}, {"name": "l", "type": "number", "rowgate:decimal": [30, 2]}]
    configure(place, fields, {"twice": {"sql": "SELECT k * 2 FROM t"}, "sum": {"sql": "SELECT COUNT(*), SUM(k) FROM t"},
                              "top": {"sql": "SELECT l FROM t ORDER BY l"}})
    warnings = json.loads(place.rowgate("config", "check", "--json"))["warnings"]
    assert [warning.split()[1] for warning in warnings] == ["twice", "top"]


def test_pages_of_a_table_without_key_hold_each_row_once(on_postgresql):
    """Though another reader stands in the middle of the table, where PostgreSQL would have this one join it."""
    place = on_postgresql
    (place.folder / "rowgate.yaml").write_text("{}")
    sql("postgresql", f"CREATE TABLE {place.space}.big AS SELECT i AS id, repeat('x', 200) AS text FROM generate_series(1, 400000) AS i; "
                      f"ANALYZE {place.space}.big")
    sql("postgresql", f"SELECT COUNT(*) FROM (SELECT * FROM {place.space}.big LIMIT 200000) AS half")
    rows = place.rowgate("rows", "big", "--format", "csv", "--limit", "2").decode().split()
    assert [row.split(",")[0] for row in rows] == ["id", "1", "2"]
