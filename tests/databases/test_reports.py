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
                path = f"/v1/tables/t/rows?limit=2&cursor={page['next_cursor']}" if page.get("next_cursor") else None
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
        if place.kind != "sqlite":
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
