"""slowhttptest's slow headers, slow bodies and slow reading, hundreds of connections each, do not stop other clients."""

import re
import subprocess
import threading
import time

import pytest

from worlds import fresh_rows

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
