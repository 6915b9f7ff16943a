"""For whoever runs the server: its environment, signals, limits of the system."""

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
import yaml
from faults import Faults
from server import answers_in
from test_bad_clients import zstd
from worlds import KEYS, bearer, key_settings, locked, wait_until

CSV = b"id,department\n900,X\n"
KUBERNETES = {"ROWGATE_SERVICE_HOST": "10.0.0.5", "ROWGATE_SERVICE_PORT": "8080", "ROWGATE_SERVICE_PORT_HTTP": "8080",
              "ROWGATE_PORT": "tcp://10.0.0.5:8080", "ROWGATE_PORT_8080_TCP": "tcp://10.0.0.5:8080",
              "ROWGATE_PORT_8080_TCP_PROTO": "tcp", "ROWGATE_PORT_8080_TCP_PORT": "8080",
              "ROWGATE_PORT_8080_TCP_ADDR": "10.0.0.5", "ROWGATE_ADMIN_SERVICE_HOST": "10.0.0.6",
              "ROWGATE_ADMIN_PORT_53_UDP": "udp://10.0.0.6:53"}


def logged(server, event):
    lines = [json.loads(line) for line in server.log if line.startswith("{")]
    return [line["msg"] for line in lines if line["event"] == event]


def test_variables_of_kubernetes_are_no_settings(start):
    server = start(environment=KUBERNETES)
    assert server.get("/v1").status == 200
    told, = logged(server, "environment")
    assert all(name in told for name in KUBERNETES)


@pytest.mark.parametrize("variable", ["ROWGATE_SERVER", "ROWGATE_PORTS", "ROWGATE_SERVER__PORT", "ROWGATE_PORT"])
def test_a_mistaken_variable_is_told(start, variable):
    server = start()
    done = subprocess.run([server.rowgate, "config", "check"], cwd=server.folder, env={variable: "8080"}, check=False,
                          capture_output=True)
    assert done.returncode == 2, done


def configure(server, change):
    config = yaml.safe_load(server.config_file.read_text())
    change(config)
    server.config_file.write_text(yaml.safe_dump(config, sort_keys=False))
    before = len(logged(server, "reloaded")) + len(logged(server, "reload_failed"))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(logged(server, "reloaded")) + len(logged(server, "reload_failed")) > before)


def test_a_hangup_takes_over_the_keys(start):
    server = start(json.dumps({"auth": {"mode": "keys", "keys": [key_settings("first", ["tables:read", "metrics:read"])]}}))
    assert server.get("/v1/tables", bearer("first")).status == 200

    def other(config):
        config["auth"]["keys"] = [key_settings("second", ["tables:read", "metrics:read"])]
        config["server"]["workers"] = 7

    configure(server, other)
    assert server.get("/v1/tables", bearer("first")).status == 401
    assert server.get("/v1/tables", bearer("second")).status == 200
    assert "server.workers" in logged(server, "reloaded")[-1].partition("need a restart: ")[2]
    assert "rowgate_config_last_reload_successful 1" in server.get("/metrics", bearer("second")).text

    def broken(config):
        config["auth"]["keys"] = [{"name": "third"}]

    configure(server, broken)
    assert server.get("/v1/tables", bearer("second")).status == 200
    assert "third" not in "".join(logged(server, "reloaded"))
    text = server.get("/metrics", bearer("second")).text
    assert "rowgate_config_last_reload_successful 0" in text
    assert "rowgate_config_last_reload_success_timestamp_seconds 1" in text


COLORS = {"schema": {"fields": [{"name": "name", "type": "string"}], "primaryKey": ["name"]}}


def test_a_hangup_takes_over_tables_reports_and_limits(start):
    server = start()
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    assert server.post("/v1/tables/colors/loads", b"name\nred\n").status == 404

    def more(config):
        config["tables"]["colors"] = COLORS
        config["tables"]["departments"]["title"] = "Where people work"
        config["reports"]["all_departments"] = {"sql": "SELECT id FROM departments ORDER BY id",
                                                "route": config["reports"].pop("departments_above_mean")["route"]}
        config["limits"].update(max_upload_bytes="1KiB", max_rejects=0, page=1)
        config["compat"]["max_rows"] = 1
        config["server"]["public_url"] = "https://rowgate.example.org"

    configure(server, more)
    told, = logged(server, "reloaded")
    assert "restart" not in told and "4 tables, 2 reports" in told
    for name in ("tables.colors", "tables.departments", "reports.all_departments", "limits.max_upload_bytes", "compat.max_rows"):
        assert name in told, told
    loaded = server.post("/v1/tables/colors/loads", b"name\nred\n")
    assert loaded.status == 200 and server.rows("colors") == [("red",)]
    assert server.get("/v1/tables/departments").json["title"] == "Where people work"
    assert server.get("/v1/reports/all_departments.csv").text == "id\r\n900\r\n"
    assert server.get("/second_sql_requirement").json["presigned-url"].startswith("https://rowgate.example.org/d/reports/")
    assert len(server.get("/v1/tables/departments/rows").json["items"]) == 1
    large = server.post("/v1/tables/colors/loads", b"name\n" + b"x" * 2000 + b"\n")
    assert (large.status, large.json["limit"]) == (413, 1024), large
    assert server.post("/v1/tables/departments/loads", b"id,department\n901,Y\nx,Z\n").status == 422  # was: up to 10 %
    assert 'rowgate_load_bytes_total{table="colors"}' in server.get("/metrics").text

    def fewer(config):
        del config["tables"]["colors"], config["reports"]["all_departments"]

    configure(server, fewer)
    assert server.get("/v1/reports/all_departments.csv").status == 404
    assert server.get("/second_sql_requirement").status == 404
    assert server.get("/v1/tables/colors").json["configured"] is False


def test_a_mistake_changes_nothing(start):
    server = start()

    def broken(config):
        config["tables"]["colors"] = COLORS
        config["limits"]["max_upload_bytes"] = "1KiB"
        config["reports"]["hired_by_quarter"]["sort"] = ["nothing"]
        config["tables"]["jobs"]["schema"]["fields"][0]["type"] = "nonsense"

    configure(server, broken)
    told = "\n".join(logged(server, "reload_failed"))
    assert not logged(server, "reloaded") and "nonsense" in told and "nothing" in told, told
    assert server.get("/v1/tables/colors").status == 404
    assert server.get("/v1").json["limits"]["max_upload_bytes"] == 1 << 30
    assert server.get("/v1/reports/hired_by_quarter").status == 200
    assert "rowgate_config_last_reload_successful 0" in server.get("/metrics").text


def test_a_reload_does_not_open_the_server_to_strangers(start):
    server = start(json.dumps({"server": {"listen": "0.0.0.0:0"}, "auth": {"mode": "keys", "keys": KEYS}}))
    configure(server, lambda config: config["auth"].update(mode="none", keys=[]))
    assert "without asking for keys" in logged(server, "reload_failed")[0]
    assert server.get("/v1/tables").status == 401


def test_what_needs_a_restart_is_told_every_time(start):
    server = start()

    def elsewhere(config):
        config["server"].update(listen="127.0.0.1:1", admin_listen="127.0.0.1:2", max_connections=5)
        config["database"]["url"] = "sqlite:data/other.db"
        config["storage"].update(url="file:data/other", spool="data/other-spool")
        config["limits"]["loads_at_once"] = 1

    for _ in range(2):
        configure(server, elsewhere)
        needed = logged(server, "reloaded")[-1].partition("need a restart: ")[2].split(", ")
        assert sorted(needed) == ["database.url", "limits.loads_at_once", "server.admin_listen", "server.listen",
                                  "server.max_connections", "storage.spool", "storage.url"]
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    assert server.rows("departments") == [(900, "X")]
    assert not list((server.folder / "data").glob("other*"))


def test_the_level_of_the_log_and_the_way_of_keys_are_taken_over(start):
    server = start()
    configure(server, lambda config: config.update(auth={"mode": "keys", "keys": KEYS}))
    assert server.get("/v1/tables").status == 401
    assert server.get("/v1/tables", bearer("all")).status == 200
    lines = len(server.log)
    configure(server, lambda config: config["observability"]["logs"].update(level="debug"))
    server.get("/livez")
    wait_until(lambda: any('"level":"debug"' in line for line in server.log[lines:]))


def test_loads_that_are_under_way_at_a_reload(start):
    """One works, one waits, one is being received; their tables are changed, or gone."""
    server = start("limits: { sync_wait: 50ms }")
    server.ended(server.post("/v1/tables/jobs/loads", b"id,job\n1,Potter\n").json["id"])
    body = b"id,department\n901,A\n902,B\n"
    head = (f"POST /v1/tables/departments/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n")
    with locked(server.folder), socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        working = server.post("/v1/tables/departments/loads", CSV).json["id"]
        wait_until(lambda: server.get(f"/v1/runs/{working}").json["status"] == "running")
        waiting = server.post("/v1/tables/jobs/loads", b"id,job\n2,Smith\n").json["id"]
        longer = server.post("/v1/tables/hired_employees/loads", b"id,name,datetime,department_id,job_id\n1,,,,\n").json["id"]
        connection.sendall(head.encode() + body[:20])
        wait_until(lambda: any(run["status"] == "receiving" for run in server.get("/v1/runs").json["items"]))

        def other(config):
            del config["tables"]["jobs"], config["tables"]["departments"]
            config["tables"]["hired_employees"]["schema"].pop("foreignKeys")
            for field in config["tables"]["hired_employees"]["schema"]["fields"]:
                if field["name"] == "name":
                    field["constraints"] = {"required": True}
            config["reports"] = {}

        configure(server, other)
        connection.sendall(body[20:])
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        late = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
    assert server.ended(working)["status"] == "succeeded"
    gone = server.ended(waiting)
    assert (gone["status"], gone["error"]["code"]) == ("failed", "table.unknown"), gone
    refused = server.ended(longer)
    assert refused["status"] == "failed" and refused["rows"]["rejected"] == 1, refused
    assert server.ended(late)["error"]["code"] == "table.unknown"  # judged before, begun after
    assert server.rows("departments") == [(900, "X")]
    assert server.rows("jobs") == [(1, "Potter")]


def test_answers_that_are_being_sent_at_reloads(start):
    """Whoever asks meanwhile is served by the one configuration or the other, and by all of it."""
    server = start()
    rows = b"id,department\n" + b"".join(b"%d,department number %d\n" % (number, number) for number in range(1, 60_001))
    assert server.post("/v1/tables/departments/loads", rows).status == 200
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET /v1/tables/departments/rows HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\nConnection: close\r\n\r\n")
        got = connection.recv(1000)
        stop, seen = threading.Event(), []

        def ask():
            while not stop.is_set():
                answer = server.get("/v1/reports/twin")
                seen.append((answer.status, answer.json.get("title")))

        askers = [threading.Thread(target=ask) for _ in range(3)]
        for asker in askers:
            asker.start()
        for number in range(12):
            def change(config, number=number):
                config["tables"].pop("colors", None)
                config["reports"]["twin"] = {"title": f"title {number}", "sql": "SELECT 1 AS one"}
                if number % 2:
                    config["tables"]["colors"] = COLORS
                    del config["reports"]["twin"]
            configure(server, change)
        stop.set()
        for asker in askers:
            asker.join()
        while piece := connection.recv(1 << 20):
            got += piece
    answer, = answers_in(got)
    assert answer.body == rows.replace(b"\n", b"\r\n")
    assert {status for status, _ in seen} <= {200, 404}
    assert server.is_alive()


def test_a_reload_by_http(start):
    server = start(json.dumps({"server": {"admin_listen": "127.0.0.1:0"}, "auth": {"mode": "keys", "keys": KEYS}}))

    def reload(headers=None, port=None):
        return server.request("POST", "/v1/config/reload", b"", headers, port=port)

    def rewrite(change):
        config = yaml.safe_load(server.config_file.read_text())
        change(config)
        server.config_file.write_text(yaml.safe_dump(config, sort_keys=False))

    rewrite(lambda config: (config["tables"].update(colors=COLORS), config["server"].update(workers=3)))
    assert reload().status == 401
    assert reload(bearer("tables:read")).status == 403
    assert server.get("/v1/tables/colors", bearer("all")).status == 404
    done = reload(bearer("admin"))
    assert done.status == 200, done
    assert done.json == {"taken": ["tables.colors"], "needs_restart": ["server.workers"], "tables": 4, "reports": 2,
                         "keys": len(KEYS)}
    assert server.get("/v1/tables/colors", bearer("all")).status == 200

    rewrite(lambda config: config.update(limts={}, tables={"jobs": {"keys": "sometimes"}}))
    for answer in (reload(bearer("admin")), reload(port=server.admin_port)):
        assert (answer.status, answer.slug) == (422, "config-invalid"), answer
        details = [each["detail"] for each in answer.json["errors"]]
        assert len(details) >= 2 and any("limts" in each for each in details), details
        assert all(each["file"] == "serve.yaml" and each["line"] > 0 for each in answer.json["errors"]), answer
        assert str(server.folder) not in answer.text
    assert server.get("/v1/tables/colors", bearer("all")).status == 200
    rewrite(lambda config: (config.pop("limts"), config.update(tables={"colors": COLORS}, reports={})))
    assert reload(port=server.admin_port).json["tables"] == 1


def test_signals_do_not_end_a_load(server):
    body = b"id,department\n" + b"".join(b"%d,d%d\n" % (number, number) for number in range(1000, 3000))
    head = (f"POST /v1/tables/departments/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + body[:500])
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGHUP):
            server.process.send_signal(number)
        wait_until(lambda: logged(server, "reloaded") or not server.is_alive())
        assert server.is_alive()
        connection.sendall(body[500:])
        assert b" 200 " in connection.recv(65536).splitlines()[0]
    assert server.is_alive()


def few_files(number):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
    return limit


def test_a_low_limit_of_files_is_known_at_the_start(start):
    server = start(before=few_files(200))
    told, = logged(server, "open_files")
    assert "may open 200 files" in told
    with contextlib.ExitStack() as held:
        for _ in range(150):
            with contextlib.suppress(OSError):
                held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
        time.sleep(0.2)
    wait_until(lambda: server.get("/livez").status == 200)
    assert server.post("/v1/tables/departments/loads", CSV).status == 200


def test_a_soft_limit_is_raised(start):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    server = start(before=limit)
    limits = open(f"/proc/{server.process.pid}/limits", encoding="ascii").read()
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert soft == hard
    assert not logged(server, "open_files") or int(hard) < 4096 + 256


def test_a_skippable_frame_before_the_data(server):
    skippable = struct.pack("<II", 0x184D2A53, 4) + b"note"
    body = skippable + zstd(CSV)
    assert server.post("/v1/tables/departments/loads", body, {"Content-Encoding": "zstd"}).status == 200
    assert server.rows("departments") == [(900, "X")]
    wrong = server.post("/v1/tables/departments/loads", b"\x60\x2a\x4d\x18" + CSV, {"Content-Encoding": "zstd"})
    assert wrong.status == 400, wrong


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_who_asks_for_health_makes_no_work(start, library, tmp_path, path):
    """A flood of such questions, which need no key, writes nothing for each."""
    faults = Faults(library, tmp_path / "page")
    server = start(environment=faults.environment)
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    assert server.get(path).status == 200
    faults.arm("EIO", "/data/", first=2**30)  # counts alone
    for _ in range(200):
        assert server.get(path).status == 200
    assert faults.count < 100


def eventually(ask, status):
    """The first answer with this status, or the last: what is far away is asked once in a second."""
    end = time.monotonic() + 10
    while (answer := ask()).status != status and time.monotonic() < end:
        time.sleep(0.1)
    return answer


def test_a_server_without_a_spool_is_not_ready(loaded):
    assert loaded.get("/readyz").status == 200
    spool = loaded.folder / "data" / "spool"
    spool.rename(spool.with_name("away"))
    spool.write_text("a file where the folder should be")
    answer = eventually(lambda: loaded.get("/readyz"), 503)
    assert answer.status == 503 and answer.json["checks"]["spool"][0]["status"] == "fail", answer
    assert str(loaded.folder) not in answer.text
    spool.unlink()
    spool.with_name("away").rename(spool)
    assert eventually(lambda: loaded.get("/readyz"), 200).status == 200


def test_a_server_whose_spool_is_full_is_not_ready(start, library, tmp_path):
    faults = Faults(library, tmp_path / "page")
    server = start(environment=faults.environment)
    assert server.get("/readyz").status == 200
    faults.arm("ENOSPC", "/data/spool/")
    answer = eventually(lambda: server.get("/readyz"), 503)
    assert answer.status == 503 and answer.json["checks"]["spool"][0]["status"] == "fail", answer
    faults.clear()
    assert eventually(lambda: server.get("/readyz"), 200).status == 200


def database_check(server):
    return server.get("/readyz").json["checks"]["database"][0]


def as_nobody():
    """Root may write everywhere."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def test_a_database_that_cannot_be_written_is_not_ready(start, folder):
    server = start()
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    server.stop()
    for parent in [*folder.parents]:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o055)
    (folder / "data/files/.link-keys").unlink()
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777 if path.is_dir() else 0o666)
    database = folder / "data" / "rowgate.db"
    database.chmod(0o444)
    server = start(before=as_nobody)
    assert server.get("/v1/tables/departments/rows").status == 200
    answer = eventually(lambda: server.get("/readyz"), 503)
    assert answer.status == 503 and "database.read_only" in database_check(server)["output"], answer
    assert str(folder) not in answer.text
    database.chmod(0o666)
    assert eventually(lambda: server.get("/readyz"), 200).status == 200


def test_a_database_that_others_lock_is_not_ready_in_the_end(loaded):
    """As long as a load would wait it is ready all the same, and the question is answered at once."""
    assert loaded.get("/readyz").status == 200
    with locked(loaded.folder):
        began = time.monotonic()
        while loaded.get("/readyz").status == 200:
            assert time.monotonic() - began < 30
            time.sleep(0.2)
        assert time.monotonic() - began > 8
        assert "table.busy" in database_check(loaded)["output"]
    assert eventually(lambda: loaded.get("/readyz"), 200).status == 200


@pytest.mark.parametrize("fate", ["vanished", "emptied", "exchanged"])
@pytest.mark.parametrize("when", ["while it runs", "while it is stopped"])
def test_another_database_in_its_place_is_told(start, folder, fate, when):
    server = start()
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    database = folder / "data" / "rowgate.db"
    if when == "while it is stopped":
        server.stop()
    kept = folder / "kept"
    kept.mkdir()
    for path in (folder / "data").glob("rowgate.db*"):
        path.rename(kept / path.name)
    if fate == "emptied":
        database.write_bytes(b"")
    if fate == "exchanged":
        subprocess.run([server.rowgate, "load", "jobs.csv", "--config", "rowgate.yaml"], cwd=folder, check=True, capture_output=True)
    if when == "while it is stopped":
        server = start()

    answer = eventually(lambda: server.get("/readyz"), 503)
    assert answer.status == 503 and database_check(server)["output"] == "the database is not the one that it was", answer
    told = "".join(logged(server, "error"))
    assert "is not the one that it was" in told and "rowgate.db" in told, told
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    assert server.get("/readyz").status == 503, "a load does not make it the one that it was"

    for path in (folder / "data").glob("rowgate.db*"):
        path.unlink()
    for path in kept.iterdir():
        path.rename(folder / "data" / path.name)
    assert eventually(lambda: server.get("/readyz"), 200).status == 200
    assert server.rows("departments") == [(900, "X")]
    server.stop()
    for path in [*(folder / "data").glob("rowgate.db*"), *(folder / "data/spool/databases").iterdir()]:
        path.unlink()  # a new one is wanted
    server = start()
    assert server.post("/v1/tables/departments/loads", CSV).status == 200
    assert server.get("/readyz").status == 200


def test_a_received_file_that_became_a_link_is_not_read(start, folder):
    server = start("limits: { sync_wait: 50ms }")
    server.ended(server.post("/v1/tables/jobs/loads", b"id,job\n1,Potter\n").json["id"])
    with locked(folder):
        first = server.post("/v1/tables/departments/loads", CSV).json["id"]
        wait_until(lambda: server.get(f"/v1/runs/{first}").json["status"] == "running")
        waiting = server.post("/v1/tables/jobs/loads", b"id,job\n2,Smith\n").json["id"]
        server.kill()
    received = folder / "data" / "spool" / "uploads" / f"{waiting}.part"
    elsewhere = folder / "elsewhere.csv"
    elsewhere.write_bytes(received.read_bytes())  # even the same bytes
    received.unlink()
    received.symlink_to(elsewhere)
    server = start()
    run = server.ended(waiting)
    assert run["status"] == "failed" and run["error"]["code"] == "file.unreadable", run
    assert server.ended(first)["status"] == "succeeded"
    assert server.rows("jobs") == [(1, "Potter")]
    assert server.get(f"/v1/runs/{waiting}/source").status != 200
