"""For whoever runs the server: its environment, signals, limits of the system."""

import contextlib
import json
import resource
import signal
import socket
import struct
import subprocess
import time

import pytest
import yaml
from test_bad_clients import zstd
from worlds import KEYS, bearer, key_settings, wait_until

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
        config["server"]["drain"] = "7s"

    configure(server, other)
    assert server.get("/v1/tables", bearer("first")).status == 401
    assert server.get("/v1/tables", bearer("second")).status == 200
    assert "server.drain" in logged(server, "reloaded")[-1] and "restart" in logged(server, "reloaded")[-1]
    assert "rowgate_config_last_reload_successful 1" in server.get("/metrics", bearer("second")).text

    def broken(config):
        config["auth"]["keys"] = [{"name": "third"}]

    configure(server, broken)
    assert server.get("/v1/tables", bearer("second")).status == 200
    assert "third" not in "".join(logged(server, "reloaded"))
    text = server.get("/metrics", bearer("second")).text
    assert "rowgate_config_last_reload_successful 0" in text
    assert "rowgate_config_last_reload_success_timestamp_seconds 1" in text


def test_signals_do_not_end_a_load(start):
    server = start(json.dumps({"auth": {"mode": "keys", "keys": KEYS}}))
    body = b"id,department\n" + b"".join(b"%d,d%d\n" % (number, number) for number in range(1000, 3000))
    head = (f"POST /v1/tables/departments/loads HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\n"
            f"Connection: close\r\nAuthorization: {bearer('all')['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + body[:500])
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGHUP):
            server.process.send_signal(number)
        wait_until(lambda: logged(server, "reloaded"))
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
