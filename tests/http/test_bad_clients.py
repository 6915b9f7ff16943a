"""Clients that lie, stop, crawl, send too much or send damage, over real sockets. After each the server is well: it answers, a
good load works, and nothing of the bad one is left."""

import contextlib
import gzip
import pathlib
import random
import socket
import struct
import subprocess
import time
import zlib

import pytest

from server import answers_in, form
from worlds import fresh_rows, spool_files, wait_until

LOADS = "/v1/tables/jobs/loads"
ORIGINAL = "/db_migration?table=jobs&schema=test_db&append=true"
IN_FLIGHT = ("receiving", "queued", "running")
KIB, MIB = 1024, 1024 * 1024


@pytest.fixture(scope="module")
def small(worlds):
    """Small limits, so that they are soon reached. Nothing is loaded into it but by is_well()."""
    server = worlds.start("limits: { max_upload_bytes: 300KiB, max_unpacked_bytes: 3MiB, max_ratio: 20, idle_timeout: 400ms }")
    server.good = 0
    return server


@pytest.fixture(autouse=True)
def is_well(request):
    yield
    if "small" in request.fixturenames:
        server = request.getfixturevalue("small")
        wait_until(lambda: not spool_files(server.folder) and not open_runs(server))
        assert server.is_alive() and server.get("/livez").status == 200 and server.get("/readyz").status == 200
        assert server.post(LOADS, fresh_rows()).status == 200
        server.good += 1
        assert len(server.rows("jobs")) == server.good, "what was refused left rows"


def open_runs(server):
    return [run for run in server.get("/v1/runs").json["items"] if run["status"] in IN_FLIGHT]


def head(path, length=None, kind="text/csv", *more):
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", framing, *more, "", ""]).encode()


def chunked(body, size=4096):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[at:at + size]), body[at:at + size]) for at in range(0, len(body), size))


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def read_all(connection):
    got = b""
    while piece := connection.recv(65536):
        got += piece
    return got


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True, check=True).stdout


PACK = {"gzip": lambda data: gzip.compress(data, mtime=0), "zstd": zstd}
UNPACK = {"gzip": lambda data: zlib.decompress(data, 31), "zstd": lambda data: zstd(data, "-d")}

# --- how much is said, and how much comes -----------------------------------------------------------------------------

FORM, FORM_KIND = form(("file", "jobs.csv", fresh_rows(50)))
BODIES = [("text/csv", fresh_rows(50), ()), (FORM_KIND, FORM, ()),
          ("text/csv", gzip.compress(fresh_rows(50), mtime=0), ("Content-Encoding: gzip",))]


@pytest.mark.parametrize("path", [LOADS, ORIGINAL])
@pytest.mark.parametrize("kind, body, more", BODIES)
def test_less_than_was_said(small, path, kind, body, more):
    for sent in (0, 1, len(body) // 2, len(body) - 1):
        answer, = answers_in(small.raw(head(path, len(body), kind, *more) + body[:sent], half_close=True))
        assert answer.status == 400 and "ended early" in answer.text, answer


@pytest.mark.parametrize("path", [LOADS, ORIGINAL])
@pytest.mark.parametrize("kind, body, more", BODIES[1:])
def test_more_than_was_said(small, path, kind, body, more):
    """What was said is taken at its word: a form without its end, a gzip file that is cut."""
    answer = answers_in(small.raw(head(path, len(body) - 9, kind, *more) + body))[0]
    assert answer.status == 400 and (path == ORIGINAL or answer.slug in ("one-file-expected", "bad-compression")), answer


@pytest.mark.parametrize("length", [0, -1, 18446744073709551615, 18446744073709551616, 9223372036854775808])
def test_lengths_that_are_none(small, length):
    answer = answers_in(small.raw(head(LOADS, length) + fresh_rows()))[0]
    assert (answer.status, answer.slug) in ((400, "empty-file"), (400, "bad-request"), (413, "too-large")), answer


@pytest.mark.parametrize("kind, body, more", BODIES)
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("reset", [False, True])
def test_hanging_up(small, kind, body, more, is_chunked, reset):
    sent = chunked(body)[:len(body) // 2] if is_chunked else body[:len(body) // 2]
    with connect(small) as connection:
        connection.sendall(head(LOADS, None if is_chunked else len(body), kind, *more) + sent)
        wait_until(lambda: open_runs(small))
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: not open_runs(small))


def test_hanging_up_before_the_answer(small):
    """The whole body has come, so that is a load: the client may ask for it, or repeat the request under its key."""
    with connect(small) as connection:
        body = fresh_rows(1)
        connection.sendall(head(LOADS + "?dry_run=true", len(body)) + body)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: not open_runs(small))


# --- how fast it comes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [b"", b"POST", head(LOADS, 100)[:-2]])
def test_silence_before_the_body(small, begun):
    """A connection without a request is closed without a word, a begun one is told why."""
    with connect(small) as connection:
        begin = time.monotonic()
        connection.sendall(begun)
        got = read_all(connection)
    assert time.monotonic() - begin < 5
    assert [answer.slug for answer in answers_in(got)] == (["request-timeout"] if begun else [])


@pytest.mark.parametrize("path", [LOADS, ORIGINAL])
@pytest.mark.parametrize("sent", [head(LOADS, 1000), head(LOADS, 1000) + b"id,job\n", head(LOADS) + b"7\r\nid,j", head(LOADS) + b"7"])
def test_silence_within_the_body(small, path, sent):
    with connect(small) as connection:
        begin = time.monotonic()
        connection.sendall(sent.replace(LOADS.encode(), path.encode(), 1))
        answer, = answers_in(read_all(connection))
    assert answer.status == 408 and 0.3 < time.monotonic() - begin < 5, answer


def test_an_answer_that_is_not_read(small):
    """The server gives up when nothing goes out for the idle time; others do not notice."""
    server = small
    descriptors = pathlib.Path(f"/proc/{server.process.pid}/fd")
    before = len(list(descriptors.iterdir()))
    with contextlib.ExitStack() as held:
        for _ in range(20):
            connection = held.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(b"GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        begin = time.perf_counter()
        assert server.get("/livez").status == 200 and time.perf_counter() - begin < 5
        wait_until(lambda: len(list(descriptors.iterdir())) <= before + 2)


# --- how large it is --------------------------------------------------------------------------------------------------


def csv_of_bytes(size):
    """Such a file, exactly so large, of rows that are refused."""
    line = b"x" * 1022 + b",\n"
    text = b"id,job\n" + line * (size // len(line) + 1)
    return text[:size]


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("path, limit", [(LOADS, 300 * KIB), (ORIGINAL, 10 * MIB)])
def test_the_limit_and_a_byte_more(small, path, limit, is_chunked):
    for size in (limit, limit + 1):
        body = csv_of_bytes(size)
        sent = head(path) + chunked(body, 65536) + b"0\r\n\r\n" if is_chunked else head(path, size) + body
        answer, = answers_in(small.raw(sent, half_close=True))
        assert answer.status == (422 if size == limit else 413), answer
    if path == ORIGINAL:
        assert answer.text == "The file is larger than 10 MB."
    else:
        assert answer.problem["limit"] == limit and answer.headers["Upload-Limit"] == f"max-size={limit}"


def test_who_waits_for_100_is_told_at_once(small):
    answer, = answers_in(small.raw(head(LOADS, 300 * KIB + 1, "text/csv", "Expect: 100-continue")))
    assert answer.status == 413, answer


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("path, size", [(LOADS, 8 * MIB), (ORIGINAL, 11 * MIB), (ORIGINAL, 40 * MIB)])
def test_the_answer_reaches_who_sends_all_before_reading(small, path, size, is_chunked):
    """Many clients do; a reset would take the answer away from them."""
    body = csv_of_bytes(size)
    with connect(small) as connection:
        connection.sendall(head(path) if is_chunked else head(path, size))
        for at in range(0, size, 64 * KIB):
            piece = body[at:at + 64 * KIB]
            connection.sendall(chunked(piece, 64 * KIB) if is_chunked else piece)
        answer, = answers_in(read_all(connection))
    assert answer.status == 413 and (path == LOADS or answer.text == "The file is larger than 10 MB."), answer


def test_who_never_stops_sending_is_cut_off(small):
    """After the answer the rest is read for a while only."""
    begin, piece = time.monotonic(), csv_of_bytes(64 * KIB)
    with connect(small) as connection, pytest.raises(OSError):
        connection.sendall(head(LOADS))
        while time.monotonic() - begin < 30:
            connection.sendall(chunked(piece, 64 * KIB))
            time.sleep(0.01)
    assert time.monotonic() - begin < 20


def test_headers_without_end(small):
    for sent in (b"".join(b"X-%d: 1\r\n" % number for number in range(2000)) + b"\r\n", b"X: " + b"x" * MIB):
        answer, = answers_in(small.raw(b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n" + sent))
        assert answer.slug == "header-too-large", answer


# --- what is packed in it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("path", [LOADS, ORIGINAL])
def test_bombs(small, path, coding):
    """By ratio, by size, and within a form. Up to 1 MiB a file may unpack to any ratio."""
    newlines = b"id,job\n" + b"\n" * 2 * MIB
    by_ratio = PACK[coding](newlines)
    by_size = PACK[coding](b"id,job\n" + b"".join(b"%d,%s%s\n" % (i, random.randbytes(2).hex().encode(), b"x" * 120)
                                                 for i in range(30_000)))
    assert len(by_ratio) < 2 * MIB / 20 and 3 * MIB / 20 < len(by_size) < 300 * KIB
    for body in (by_ratio, by_size):
        answer = small.post(path, body, {"Content-Encoding": coding})
        assert answer.status == 413, answer
    nested = PACK[coding](by_ratio)
    answer = small.post(path, nested, {"Content-Encoding": coding})
    assert answer.status in (400, 413, 422), answer
    file_in_form, kind = form(("file", "jobs.csv.gz", by_ratio))
    assert small.post(path, file_in_form, {"Content-Type": kind}).status == 413


@pytest.mark.parametrize("coding", PACK)
def test_every_byte_of_a_packed_file_changed(small, coding):
    """The same content, or refused: a wrong byte is never loaded."""
    text = fresh_rows(20)
    packed = PACK[coding](text)
    for at in range(len(packed)):
        body = packed[:at] + bytes([packed[at] ^ (1 << at % 8)]) + packed[at + 1:]
        answer = small.post(LOADS + "?dry_run=true&on_reject=abort", body, {"Content-Encoding": coding})
        if answer.status == 200:
            assert UNPACK[coding](body) == text and answer.json["rows"]["accepted"] == 20, at
        else:
            assert answer.slug in ("bad-compression", "too-large"), (at, answer)


@pytest.mark.parametrize("coding", PACK)
def test_a_packed_file_cut_anywhere(small, coding):
    packed = PACK[coding](fresh_rows(20))
    for size in [*range(0, len(packed), 4), *range(len(packed) - 10, len(packed))]:
        answer = small.post(LOADS, packed[:size], {"Content-Encoding": coding})
        assert answer.status == 400 and answer.slug == ("bad-compression" if size else "empty-file"), (size, answer)
    for behind in (b"\0", b"garbage", packed[:-1]):
        answer = small.post(LOADS, packed + behind, {"Content-Encoding": coding})
        assert answer.slug == "bad-compression", (behind, answer)


@pytest.mark.parametrize("coding", ["gzip, zstd", "zstd, gzip", "gzip, gzip", "deflate", "br", "GZIP;q=1"])
def test_other_codings(small, coding):
    answer = small.post(LOADS, gzip.compress(fresh_rows()), {"Content-Encoding": coding})
    assert (answer.status, answer.slug) == (415, "unsupported-encoding"), answer
    assert answer.headers["Accept-Encoding"] == "gzip, zstd"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_cut_in_half(small, encoding):
    """Anywhere: after an odd byte, or between the halves of a character."""
    text = "\ufeffid,job\r\n1,Potter \U0001f3fa".encode(encoding)
    for size in [*range(5, len(text), 2), len(text) - 2]:
        answer = small.post(LOADS + "?dry_run=true", text[:size])
        assert answer.slug == "bad-encoding", (size, answer)
    with_halves_swapped = text[:-4] + text[-2:] + text[-4:-2]
    assert small.post(LOADS + "?dry_run=true", with_halves_swapped).slug in ("bad-encoding", "rows-rejected")


# --- what it is -------------------------------------------------------------------------------------------------------

NO_FILE, ONE, TWO = form(fields=[("note", "none")]), form(("a", "a.csv", b"id,job\n")), form(("a", "a.csv", b"id,job\n1,a\n"), ("b", "", b""))


@pytest.mark.parametrize("body, headers, status, original", [
    (b"", {}, 400, "Cannot find data to upload"),
    (b"\r\n\r\n", {}, 400, "Cannot find data to upload"),
    (b"\xef\xbb\xbf", {}, 400, "Cannot find data to upload"),
    (gzip.compress(b"", mtime=0), {"Content-Encoding": "gzip"}, 400, "Cannot find data to upload"),
    (b"id,job\n", {}, 200, "Cannot find data to upload"),
    (b"id,job", {}, 200, "Cannot find data to upload"),
    (ONE[0], {"Content-Type": ONE[1]}, 200, "Cannot find data to upload"),
    (TWO[0], {"Content-Type": TWO[1]}, 200, "Data loaded succesfully!"),
    (NO_FILE[0], {"Content-Type": NO_FILE[1]}, 400, "the form has no file"),
])
def test_hardly_a_file(small, body, headers, status, original):
    answer = small.post(LOADS + "?dry_run=true", body, headers)
    assert answer.status == status, answer
    if original != "Data loaded succesfully!":
        answer = small.post(ORIGINAL, body, headers)
        assert (answer.status, answer.text) == (400, original)


def test_noise(small):
    """Whatever comes, something is answered or the connection ends; nobody else notices."""
    noise = random.Random(20210721)
    for number in range(200):
        data = noise.randbytes(noise.choice([1, 10, 100, 5000]))
        if number % 3 == 1:
            data = b"GET /" + data.replace(b"\r", b"").replace(b"\n", b"") + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        elif number % 3 == 2:
            data = head(LOADS + "?dry_run=true") + data + b"\r\n0\r\n\r\n"
        for answer in answers_in(small.raw(data, half_close=True)):
            assert 400 <= answer.status < 500, (data, answer)
