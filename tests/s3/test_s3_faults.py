"""S3 servers that fail: busy, restarted, cut off, far away; and files that are larger than what may be held in memory."""

import base64
import json
import random
import re
import time

import pytest

from s3 import Faulty

TABLE = """
tables:
  notes:
    schema:
      primaryKey: [id]
      fields:
        - { name: id, type: integer, constraints: { required: true } }
        - { name: note, type: string, constraints: { maxLength: 10 } }
"""


def notes(megabytes):
    """One good row, then rows that are refused, each about 1 MB that cannot be compressed by much."""
    yield b"id,note\n1,good\n"
    for number in range(2, megabytes + 2):
        yield b"%d," % number + base64.b64encode(random.Random(number).randbytes(749_992)) + b"\n"


@pytest.fixture
def start_proxy(s3):
    proxies = []

    def start(plan=None):
        proxies.append(Faulty(s3, plan))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.close()


def configure(place, proxy):
    place.configure(place.s3.settings(place.prefix, proxy.endpoint if proxy else None) + TABLE
                    + "limits: { max_rejects: '100%' }\n")


def write_notes(place, megabytes):
    path = place.folder / "notes.csv"
    with open(path, "wb") as file:
        file.writelines(notes(megabytes))
    return path


def rejects_of(place, megabytes):
    """Loads, then reads what was stored."""
    write_notes(place, megabytes)
    done = place.run("load", "notes.csv", check=False)
    if done.returncode != 0:
        return done
    run = json.loads(place.run("runs", "--json").stdout)["items"][0]
    assert (run["rows"]["accepted"], run["rows"]["rejected"]) == (1, megabytes)
    assert len(place.s3.get(f"{place.prefix}/rejects/{run['id']}.jsonl.zst")) > megabytes * 700_000
    lines = place.run("rejects", "export", run["id"], "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["line"] for line in lines] == list(range(3, megabytes + 3))
    return done


def test_a_server_that_is_busy_for_a_while(place, start_proxy):
    """Each kind of request is answered 503 three times."""
    counts = {}

    def plan(method, target):
        kind = method + (" uploads" if "uploads=" in target else " part" if "partNumber=" in target
                         else " complete" if "uploadId=" in target else "")
        counts[kind] = counts.get(kind, 0) + 1
        return "503" if counts[kind] <= 3 else None

    configure(place, start_proxy(plan))
    rejects_of(place, 27)
    assert counts["POST uploads"] == 4 and counts["PUT part"] == 3 + 3 and counts["POST complete"] == 4


def test_a_server_that_stays_busy(place, start_proxy):
    proxy = start_proxy(lambda method, target: "503")
    configure(place, proxy)
    done = rejects_of(place, 1)
    assert done.returncode == 6, done.stderr
    assert "PutObject" in done.stderr and "SlowDown" in done.stderr
    assert [method for method, _ in proxy.seen] == ["PUT"] * 6
    assert json.loads(place.run("runs", "--json").stdout)["items"][0]["status"] == "failed"
    assert '"id"' not in place.run("rows", "notes", "--json", check=False).stdout


def test_a_file_that_cannot_be_kept_is_said(place, start_proxy):
    """Its rows are committed and its answer is given while the storage is asked again and again."""
    configure(place, start_proxy(lambda method, target: "503" if method in ("PUT", "POST") and "/sources/" in target else None))
    server = place.serve()
    began = time.monotonic()
    answer = server.post("/v1/tables/notes/loads", b"id,note\n1,good\n")
    assert answer.status == 200 and time.monotonic() - began < 5, answer
    run = answer.json["id"]
    end = time.monotonic() + 60
    while not (warnings := server.get(f"/v1/runs/{run}").json["warnings"]):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert warnings[0]["code"] == "storage.unreachable" and "is not kept" in warnings[0]["message"]
    assert server.get(f"/v1/runs/{run}/source").status == 410
    assert 'rowgate_storage_operation_errors_total{operation="keep_source"} 1' in server.get("/metrics").text
    line = next(line for line in server.log if "not_kept" in line)
    assert run in line and "storage.unreachable" in line
    stored = json.loads(place.run("runs", "show", run, "--json").stdout)
    assert stored["warnings"] == warnings and stored["status"] == "succeeded"


def test_a_server_that_restarts_in_the_middle_of_a_file(place, start_proxy):
    restarts = []

    def plan(method, target):
        if "partNumber=2&" not in target or len(restarts) == 2:
            return None
        if not restarts:
            restarts.append("cut")
            return "cut"
        place.s3.stop()
        place.s3.start()
        restarts.append("restarted")
        return None

    configure(place, start_proxy(plan))
    rejects_of(place, 27)
    assert restarts == ["cut", "restarted"]
    assert place.s3.uploads(place.prefix) == 0


def test_answers_that_are_lost(place, start_proxy):
    lost = []

    def plan(method, target):
        kind = (method, re.sub(r"uploadId=[^&]*", "", target))
        if method == "GET" or kind in lost or len(lost) >= 6:
            return None
        lost.append(kind)
        return "lose"

    configure(place, start_proxy(plan))
    rejects_of(place, 27)
    assert len(lost) == 5, "the upload, three parts, the end"


def test_nothing_is_left_of_a_load_that_fails(place, start_proxy):
    """The third part never arrives: nothing is stored, nothing is loaded, and the parts are gone."""
    configure(place, start_proxy(lambda method, target: "cut" if "partNumber=3&" in target else None))
    done = rejects_of(place, 27)
    assert done.returncode == 6, done.stderr
    assert place.stored() == []
    assert place.s3.uploads(place.prefix) == 0


def test_a_killed_process_leaves_nothing_that_counts(place, start_proxy):
    server = {}

    def plan(method, target):
        if "partNumber=2&" in target and "at" in server:
            server["at"].kill()
            return "cut"
        return None

    configure(place, start_proxy(plan))
    server["at"] = place.serve()
    with pytest.raises(OSError):
        server["at"].post("/v1/tables/notes/loads", b"".join(notes(20)))
    assert place.stored("rejects/") == []
    assert place.s3.uploads(place.prefix) == 1, "list() ends it after a day"
    server.clear()
    place.run("load", "departments.csv", check=False)
    assert place.stored("rejects/") == []


def peak(server):
    """The most memory that the process ever had, in MiB."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024


def test_large_files_in_little_memory(place):
    """300 MB are received, kept as the source, and nearly all of it as rejects: two uploads of many parts."""
    configure(place, None)
    server = place.serve("limits: { sync_wait: 100ms }\n")
    at_rest = peak(server)
    path = write_notes(place, 300)
    with open(path, "rb") as body:
        answer = server.post("/v1/tables/notes/loads", body, {"Content-Length": str(path.stat().st_size)}, timeout=300)
    assert answer.status in (200, 202), answer.text
    run = answer.json["id"]
    assert server.ended(run, 300)["status"] == "succeeded_with_rejects"
    while not place.stored("sources/"):  # the ledger may tell the end before the source is put away
        time.sleep(0.05)
    most = peak(server)
    sizes = {key: (place.s3.folder / "data/hr-files" / place.prefix / key).stat().st_size for key in place.stored("")
             if not key.startswith(".")}
    assert sizes[f"sources/{run}"] == path.stat().st_size
    assert sizes[f"rejects/{run}.jsonl.zst"] > 200_000_000
    print(f"\n{at_rest:.0f} MiB at rest, {most:.0f} MiB at most")
    assert most < 200, f"{most:.0f} MiB"

    # The other way: the source is given back in ranges.
    answer = server.get(f"/v1/runs/{run}/source", timeout=300)
    assert answer.status == 200 and len(answer.body) == path.stat().st_size
    assert peak(server) < 200
