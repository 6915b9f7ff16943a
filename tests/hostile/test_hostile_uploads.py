"""Hostile files and forms over HTTP: what a request makes the server take of memory, disk and work."""

import gzip
import re

import pytest

from files import FILES, PACKED, ROWS, TWO, benign, filled, write
from sizes import COMMAND_MIB, KEPT_MORE, KEPT_PER_BYTE, KIB, LIMITS, LINES, MIB, SERVER_MIB, TRUE_SIZES

SOME = ("line feeds", "rows of x,", "bytes at random", "quotes, odd", "a quote without end", "a quoted field", "fields at the limit",
        "bad records at the limit", "a header of a million columns", "bad integers", "three rules broken", "empty cells",
        "nested JSON")
UPLOADS = [*(FILES if TRUE_SIZES else SOME), *PACKED]
MOST_WORK, LEAST_SECONDS = 40, 2.0
ANSWERS = (200, 202, 400, 413, 422)
CSV = {"Accept": "text/csv"}


def run_of(answer):
    """The run's id in an answer, a problem too; None where the request began none."""
    found = re.search(r"run_[0-9A-Z]{26}", answer.text) if answer else None
    return found and found[0]


@pytest.fixture(scope="module")
def server(serve):
    return serve(compat={"max_bytes": LIMITS["max_upload_bytes"], "schemas": {"test_db": "default"}})


@pytest.fixture(scope="module")
def seconds_per_byte(server, tmp_path_factory):
    path = tmp_path_factory.mktemp("benign") / "benign.csv"
    size = benign(path)
    with server.within("benign") as cost:
        answer = server.upload("/v1/tables/two/loads", path)
        assert server.ended(answer.json["id"], 600)["status"] == "succeeded"
    return cost.seconds / size


@pytest.mark.parametrize("name", UPLOADS)
def test_a_file_and_its_rejects(server, seconds_per_byte, tmp_path, name):
    table, make = {**FILES, **PACKED}[name]
    path = tmp_path / "hostile.csv"
    size, sent = make(path), path.stat().st_size
    decoded = max(size, sent)
    rejects = min(KEPT_PER_BYTE * decoded + KEPT_MORE, LIMITS["max_reject_bytes"] + KEPT_MORE)
    allowed = LEAST_SECONDS + MOST_WORK * seconds_per_byte * decoded
    with server.within(name, seconds=allowed, scratch=sent + 2 * decoded + rejects + 64 * MIB, kept=sent + rejects) as cost:
        answer = server.upload(f"/v1/tables/{table}/loads?mode=replace", path)
        assert answer is None or answer.status in ANSWERS, answer
        run = run_of(answer)
        state = run and server.ended(run, 900)
        cost.said = f"{sent / MIB:.2f} of {size / MIB:.1f} MiB sent, {answer and answer.status} {state and state['status']}"
    if not run:
        return

    with server.within(f"rejects of {name}", seconds=allowed) as cost:
        kinds = [(f"/v1/runs/{run}/rejects?limit={limit}", {}) for limit in (1, 1000)] + [(f"/v1/runs/{run}/rejects", CSV)]
        for target, headers in kinds:
            answer, written = server.drain("GET", target, headers=headers)
            assert answer.status == 200, answer
            cost.said += f" {written / MIB:.1f} MiB"
    assert cost.scratch <= written + MIB


def test_one_large_reject_read_by_many(server, tmp_path):
    table, make = PACKED["a large field in gzip"]
    path = tmp_path / "hostile.csv"
    make(path)
    answer = server.upload(f"/v1/tables/{table}/loads", path)
    run = run_of(answer)
    assert server.ended(run, 900)["rows"]["rejected"] == 1
    with server.within("one large reject, four times at once") as cost:
        for headers in ({}, CSV):
            answers = server.at_once(4, lambda _: server.drain("GET", f"/v1/runs/{run}/rejects?limit=1" if not headers else
                                                               f"/v1/runs/{run}/rejects", headers=headers))
            assert {answer.status for answer, _ in answers} <= {200, 503}
            cost.said += f"{[size for _, size in answers]}"


def test_few_bytes_that_keep_much(server, tmp_path):
    """Compressed as far as limits.max_ratio allows, from few kilobytes on."""
    bad = b",".join([b"x"] * 1000) + b"," * 24 + b"\n"
    path = tmp_path / "hostile.csv"
    for rows in (200, 2000):
        plain = b",".join(b"c%d" % number for number in range(1024)) + b"\n" + bad * rows
        path.write_bytes(gzip.compress(plain, 9))
        sent = path.stat().st_size
        with server.within(f"{rows} rows in {sent} bytes", kept=sent + KEPT_PER_BYTE * len(plain) + 64 * KIB) as cost:
            answer = server.upload("/v1/tables/integers/validate", path)
            assert answer.status in ANSWERS, answer
            cost.said = str(answer.status)
        assert cost.kept <= sent + 256 * KIB


FORM_HEAD = b'--B\r\nContent-Disposition: form-data; name="f"; filename="two.csv"\r\nContent-Type: text/csv\r\n\r\n'
FORMS = {
    "a large part": lambda path: write(path, FORM_HEAD, TWO, filled(b"2,some text\n", LINES), b"\r\n--B--\r\n"),
    "a large part that is no file": lambda path: write(path, b'--B\r\nContent-Disposition: form-data; name="f"\r\n\r\n', (b"x", LINES),
                                                       b"\r\n", FORM_HEAD, TWO, b"\r\n--B--\r\n"),
    "many parts": lambda path: write(path, filled(b'--B\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n', LINES), b"--B--\r\n"),
    "many files": lambda path: write(path, filled(FORM_HEAD + TWO + b"\r\n", LINES), b"--B--\r\n"),
    "a large head of a part": lambda path: write(path, b"--B\r\nContent-Disposition: form-data; name=", (b"x", LINES), b"\r\n\r\n1\r\n--B--\r\n"),
    "many lines in the head of a part": lambda path: write(path, b"--B\r\n", filled(b"X-A: b\r\n", LINES), b"\r\n1\r\n--B--\r\n"),
    "almost boundaries": lambda path: write(path, FORM_HEAD, TWO, filled(b"\r\n--", ROWS), b"\r\n--B--\r\n"),
    "carriage returns": lambda path: write(path, FORM_HEAD, TWO, filled(b"\r", LINES), b"\r\n--B--\r\n"),
    "a preamble without end": lambda path: write(path, filled(b"x\r\n", LINES)),
    "no end": lambda path: write(path, FORM_HEAD, TWO, filled(b"2,some text\n", LINES)),
}


@pytest.mark.parametrize("target", ["/v1/tables/two/loads?mode=replace", "/db_migration?table=two&schema=test_db"])
@pytest.mark.parametrize("name", FORMS)
def test_a_form(server, seconds_per_byte, tmp_path, name, target):
    path = tmp_path / "form"
    size = FORMS[name](path)
    with server.within(f"{name} at {target}", seconds=LEAST_SECONDS + MOST_WORK * seconds_per_byte * size,
                       scratch=4 * size + 64 * MIB, kept=size + KEPT_PER_BYTE * size + KEPT_MORE) as cost:
        answer = server.upload(target, path, {"Content-Type": "multipart/form-data; boundary=B"})
        assert answer is None or answer.status in ANSWERS, answer
        if answer is not None and answer.status == 202:
            server.ended(answer.json["id"], 900)
        cost.said = answer and f"{answer.status} {answer.text[:80]}"


def test_a_body_in_chunks_of_one_byte(server, seconds_per_byte):
    """Six bytes are sent for each."""
    size = LINES // 16
    text = TWO + b"2,some text\n" * (size // 12)
    sent = b"".join(b"1\r\n%c\r\n" % byte for byte in text) + b"0\r\n\r\n"
    head = b"POST /v1/tables/two/loads?mode=replace HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with server.within("chunks of one byte", seconds=LEAST_SECONDS + MOST_WORK * seconds_per_byte * len(sent)) as cost:
        cost.said = server.raw(head + sent, timeout=60)[:15]
    assert cost.said == b"HTTP/1.1 200 OK"


def test_many_uploads_at_once(server, tmp_path):
    """All that may be loaded at once, and some that wait."""
    table, make = FILES["bad integers"]
    make(tmp_path / "hostile.csv")
    with server.within("eight times bad integers", mib=SERVER_MIB + 3 * COMMAND_MIB) as cost:
        answers = server.at_once(8, lambda _: server.upload(f"/v1/tables/{table}/validate", tmp_path / "hostile.csv"))
        assert {answer.status for answer in answers} <= {200, 202, 422, 503}
        for answer in answers:
            if answer.status == 202:
                server.ended(answer.json["id"], 900)
        cost.said = str([answer.status for answer in answers])
