"""slowhttptest's slow headers, slow bodies and slow reading, hundreds of connections each, do not stop other clients."""

import re
import socket
import subprocess
import threading
import time

import pytest

from worlds import fresh_rows, wait_until

LOADS = "/v1/tables/jobs/loads"
CONNECTIONS, SECONDS = 300, 10
MODES = {
    "headers": ["-H", "-i", "2", "-x", "24", "-t", "GET"],
    "body": ["-B", "-i", "2", "-s", "100000", "-x", "24", "-t", "POST", "-f", "text/csv"],
    "reading": ["-X", "-n", "2", "-w", "256", "-y", "512", "-z", "32", "-k", "3"],
}
TARGETS = {"headers": "/v1", "body": LOADS, "reading": "/openapi.yaml"}


@pytest.mark.parametrize("mode", MODES)
def test_others_are_served(start, mode):
    server = start()
    address = f"http://127.0.0.1:{server.port}{TARGETS[mode]}"
    command = ["slowhttptest", "-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(SECONDS), "-p", "3", *MODES[mode],
               "-u", address]
    slow = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    said = []
    reader = threading.Thread(target=lambda: said.extend(slow.stdout))
    reader.start()
    worst, loads, most = 0, 0, 0
    while slow.poll() is None:
        begin = time.perf_counter()
        assert server.get("/livez").status == 200
        worst = max(worst, time.perf_counter() - begin)
        begin = time.perf_counter()
        assert server.post(LOADS, fresh_rows(100)).status == 200
        most = max(most, time.perf_counter() - begin)
        loads += 1
        time.sleep(0.05)
    reader.join()
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", "".join(said))
    connected = max([int(found) for found in re.findall(r"connected:\s*(\d+)", text)], default=0)
    print(f"{mode}: {connected} slow connections; /livez at most {worst * 1000:.0f} ms; {loads} loads, at most {most * 1000:.0f} ms")
    assert connected > CONNECTIONS * 0.9, text
    assert "service available:   NO" not in text and re.search(r"service available:\s*YES", text), text
    assert loads >= SECONDS and worst < 1 and most < 5
    assert len(server.rows("jobs")) == loads * 100
    assert server.stop() == 0


def test_who_reads_too_slowly_is_cut_off(start):
    """Though it never pauses."""
    server = start("limits: { idle_timeout: 60s, min_read_bytes_per_second: 1MiB, max_rejects: 0 }")
    assert server.post(LOADS, fresh_rows(600_000)).status in (200, 202)
    wait_until(lambda: server.version("jobs") == 1, 60)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.sendall(b"GET /v1/tables/jobs/rows HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n")
        end = time.monotonic() + 40
        with pytest.raises(ConnectionResetError):
            while time.monotonic() < end:
                assert client.recv(4096)
                time.sleep(0.1)
    assert server.stop() == 0
