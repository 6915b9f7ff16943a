"""What `rowgate doctor` says of a database whose ledger and tables do not agree: the warnings, and nothing where all is well."""

import json

from places import sql
from test_real_tables import INTEGER, NAME, configure, load, run_sql


def warnings(place):
    checks = json.loads(place.rowgate("doctor", "--json"))["checks"]
    return [f"{check['message']} {check['fix']}" for check in checks if check["name"] == "ledger" and check["status"] == "warning"]


def loaded(place):
    configure(place, t={"fields": [INTEGER, NAME]})
    load(place, "t", "id,name\n1,Ada\n2,Grace\n", "--mode", "replace", "--yes")
    load(place, "t", "id,name\n3,Mary\n")
    load(place, "t", "id,name\n3,Joan\n4,Edith\n", "--mode", "upsert")
    assert not warnings(place)


def test_a_table_that_a_load_left_behind(any_place):
    loaded(any_place)
    run_sql(any_place, "CREATE TABLE __rg_run_01KBAAAAAAAAAAAAAAAAAAAAAA (id INTEGER)")
    run_sql(any_place, "CREATE TABLE __rg_kept_t (id INTEGER)")  # of a plan: its owner drops it
    if any_place.kind == "mysql":  # where loads do leave tables behind when they are killed, the next transaction drops them
        assert not warnings(any_place)
        assert sql(any_place.kind, f"SHOW TABLES FROM {any_place.space} LIKE '\\_\\_rg%'", "admin") == "__rg_kept_t"
        return
    found, = warnings(any_place)
    assert "a load left the table" in found and "DROP TABLE" in found and "__rg_run_01kb" in found.lower()


def test_a_version_that_no_load_made(any_place):
    loaded(any_place)
    run_sql(any_place, "UPDATE rowgate_runs SET status = 'failed', version_after = 1 WHERE version_after = 2")
    found, = warnings(any_place)
    assert "no load in the ledger made version 2 of `t`" in found


def test_rows_of_a_load_that_failed(any_place):
    loaded(any_place)
    error = json.dumps({"code": "database.unreachable", "detail": "the server is gone"})
    run_sql(any_place, f"UPDATE rowgate_runs SET status = 'failed', version_after = 2, error = '{error}' WHERE version_after = 3")
    run_sql(any_place, "UPDATE rowgate_schema SET version = 2")
    found, = warnings(any_place)
    assert "`t` has 4 rows, and the loads that succeeded account for 3" in found and "after 2 rows were accepted" in found

    run_sql(any_place, "DELETE FROM t WHERE id = 4")
    assert not warnings(any_place)
