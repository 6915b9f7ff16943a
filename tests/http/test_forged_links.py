"""A link is good as it was signed until its second is over, and in no other form."""

import datetime
import http.client
import time
import urllib.parse

import pytest

REPORT = "/v1/reports/departments_above_mean/links"
JSON = {"Content-Type": "application/json"}


def path_of(made):
    return made["url"][made["url"].index("/d/"):]


@pytest.fixture(scope="module")
def path(worlds):
    return path_of(worlds.plain.server.post(REPORT, b"{}", JSON).json)


class Asking:
    """Over one kept connection, since there are thousands of questions."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)

    def status(self, target, method="GET"):
        self.connection.putrequest(method, target, skip_accept_encoding=True)
        self.connection.endheaders()
        answer = self.connection.getresponse()
        answer.read()
        return answer.status


@pytest.fixture
def asking(worlds, path):
    there = Asking(worlds.plain.server)
    assert there.status(path) == 200
    yield there
    assert there.status(path) == 200, "the link itself is still good"
    there.connection.close()


PRINTABLE = [chr(code) for code in range(0x21, 0x7f) if chr(code) not in '#']


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_any_byte_changed(path, asking, method):
    """To each other character that may stand in a target; as HEAD to a few."""
    for at in range(len("/d/"), len(path)):
        for other in PRINTABLE if method == "GET" and at % 12 == 0 else "0aA-_/&=%":
            if other == path[at]:
                continue
            changed = path[:at] + other + path[at + 1:]
            status = asking.status(changed, method)
            # There is nothing but reports, another "?" or "/" may make it an address where nothing is, "%" one that
            # cannot be read.
            is_another = at < len("/d/reports/") or other in "/?%" or path[at] in "/?"
            assert status == 403 or (is_another and status in (400, 404)), (at, other, status)


def test_any_byte_left_out_doubled_or_encoded(path, asking):
    for at in range(len("/d/"), len(path)):
        left_out = path[:at] + path[at + 1:]
        doubled = path[:at] + path[at] + path[at:]
        encoded = f"{path[:at]}%{ord(path[at]):02X}{path[at + 1:]}"
        turned = path[:at] + path[at].swapcase() + path[at + 1:]
        for changed in {left_out, doubled, encoded, turned} - {path}:
            assert asking.status(changed) in (403, 404), changed


def test_parameters_doubled_moved_and_added(path, asking):
    bare, query = path.split("?")
    e, k, s = query.split("&")
    for changed in (f"{e}&{e}&{k}&{s}", f"{e}&{k}&{k}&{s}", f"{e}&{k}&{s}&{s}", f"{k}&{e}&{s}", f"{s}&{k}&{e}", f"{e}&{s}",
                    f"{k}&{s}", f"{e}&{k}", "", f"{query}&", f"&{query}", f"{e}&&{k}&{s}", f"{query}&x=1", f"x=1&{query}",
                    f"{query}#", f"{e};{k};{s}", f"{e}.0&{k}&{s}", f"e=0{e[2:]}&{k}&{s}", f"e=+{e[2:]}&{k}&{s}",
                    f"e=-{e[2:]}&{k}&{s}", f"e=9{e[2:]}&{k}&{s}", f"e=&{k}&{s}", f"{e}&k=&{s}", f"{e}&{k}&s=", f"{query}=",
                    query.upper(), query.replace("&", "&amp;")):
        assert asking.status(f"{bare}?{changed}") in (400, 403), changed
    for place in ("/d/", "/d", "/d/reports", "/d/reports/", bare[:bare.rindex("/")], bare[:bare.rindex("/") + 1],
                  bare.replace("reports", "sources"), bare.replace("reports", "rejects"), bare.replace("/d/", "/d/../d/"),
                  bare.replace("/d/", "/d//"), bare + "/", bare.replace("/reports/", "/reports/./"), "/d/.link-keys"):
        assert asking.status(f"{place}?{query}") in (400, 403, 404), place


def test_the_signature_of_another_link(worlds, path, asking):
    other = path_of(worlds.plain.server.post(REPORT, b'{"expires_in": 7200}', JSON).json)
    assert asking.status(other) == 200 and other != path
    bare, query = path.split("?")
    other_bare, other_query = other.split("?")
    assert asking.status(f"{bare}?{other_query}") == 403 and asking.status(f"{other_bare}?{query}") == 403


def test_not_one_second_longer(worlds):
    """Links have whole seconds; good in the last one, over with the next."""
    server = worlds.plain.server
    made = server.post(REPORT, b'{"expires_in": 2}', JSON).json
    target = path_of(made)
    end = int(dict(urllib.parse.parse_qsl(target.split("?")[1]))["e"])
    told = datetime.datetime.fromisoformat(made["expires_at"].replace("Z", "+00:00")).timestamp()
    assert told == end
    seen = []
    while time.time() < end + 0.5:
        before = time.time()
        status = server.get(target).status
        seen.append(status)
        if status == 200:
            assert before < end, "it was over when it was asked for"
        else:
            assert status == 410 and time.time() >= end, "it was not over when it was answered"
    assert set(seen) == {200, 410}
    forged = target.replace(f"e={end}", f"e={end + 3600}")
    assert server.get(forged).status == 403, "forged comes before over"
