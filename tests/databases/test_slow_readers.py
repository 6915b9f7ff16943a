"""Whoever reads a table slowly keeps nobody from replacing it, and keeps nothing of the database for as long as that takes."""

import json
import socket
import time

import pytest
import yaml
from places import Server

ROWS = 120_000
FIELDS = [{"name": "id", "type": "integer"}, {"name": "text", "type": "string", "constraints": {"maxLength": 200}}]


@pytest.fixture
def server(any_place):
    config = {"tables": {"t": {"schema": {"primaryKey": ["id"], "fields": FIELDS}}}}
    if any_place.kind == "sqlite":
        config["database"] = {"url": "sqlite:./data/rowgate.db"}
    (any_place.folder / "rowgate.yaml").write_text(yaml.safe_dump(config))
    (any_place.folder / "t.csv").write_text("id,text\n" + "".join(f"{number},{'x' * 180}\n" for number in range(ROWS)))
    any_place.rowgate("load", "t.csv")
    made = Server(any_place)
    made.place = any_place
    yield made
    made.stop()


def log_size(place):
    """Of what SQLite cannot take over into its database for somebody who still reads."""
    return (place.folder / "data/rowgate.db-wal").stat().st_size if place.kind == "sqlite" else 0


def test_a_table_is_replaced_though_somebody_reads_it(server):
    host, _, port = server.address.partition(":")
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        reader.sendall(f"GET /v1/tables/t/rows HTTP/1.1\r\nHost: {server.address}\r\nAccept: text/csv\r\n\r\n".encode())
        assert b"200" in reader.recv(1000)
        sizes = []
        for _ in range(3):
            status, text, _ = server.post("/v1/tables/t/loads?mode=replace", (server.place.folder / "t.csv").read_bytes())
            run = json.loads(text)
            assert status in (200, 202), text
            end = time.monotonic() + 60
            while (run := json.loads(server.get(f"/v1/runs/{run['id']}")))["status"] not in ("succeeded", "failed"):
                assert time.monotonic() < end
                time.sleep(0.1)
            assert run["status"] == "succeeded", run
            sizes.append(log_size(server.place))
            assert reader.recv(1000)
        assert sizes[2] <= 1.5 * sizes[0], sizes
