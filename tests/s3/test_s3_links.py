"""Links to reports in an S3 bucket: led to it, or direct."""

import calendar
import json
import threading
import time
import urllib.parse

import pytest

from s3 import ACCESS, SECRET, fetch


def seconds_of(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def wait_until(moment):
    while time.time() < moment:
        time.sleep(0.01)


def make_link(server, life=600):
    answer = server.post("/v1/reports/hired_by_quarter/links", json.dumps({"expires_in": life}).encode(),
                         {"Content-Type": "application/json"})
    assert answer.status == 201, answer.text
    return answer.json


def query_of(url):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


@pytest.fixture
def loaded(place):
    place.load_all()
    return place


def report_of(place):
    return place.run("report", "hired_by_quarter", "--format", "csv").stdout.encode()


def test_a_link_leads_to_the_bucket(loaded):
    server = loaded.serve()
    link = make_link(server)
    assert link["url"].startswith(f"http://127.0.0.1:{server.port}/d/reports/{link['id']}/")
    status, headers, body = fetch(link["url"])
    assert status == 302 and body == b""
    assert headers["Cache-Control"] == "private, no-store"
    target = headers["Location"]
    assert target.startswith(f"{loaded.s3.endpoint}/hr-files/{loaded.prefix}/reports/{link['id']}/")
    query = query_of(target)
    assert query["X-Amz-Expires"] == "300"
    assert query["response-content-disposition"].startswith('attachment; filename="hired-by-quarter-2021.csv"')

    status, headers, body = fetch(target)
    assert status == 200
    assert body.replace(b"\r\n", b"\n") == report_of(loaded).replace(b"\r\n", b"\n")
    assert len(body) == link["bytes"]
    assert headers["Content-Disposition"].startswith('attachment; filename="hired-by-quarter-2021.csv"')
    assert headers["Content-Type"] == "text/csv"

    status, headers, _ = fetch(link["url"], "HEAD")
    assert status == 302
    assert fetch(headers["Location"], "HEAD")[0] == 200
    assert fetch(headers["Location"])[0] == 403, "it is signed for HEAD"
    assert not any("X-Amz-Signature" in line or SECRET in line for line in server.log)


def test_a_link_ends_to_the_second(loaded):
    server = loaded.serve()
    link = make_link(server, 4)
    end = seconds_of(link["expires_at"])
    status, headers, _ = fetch(link["url"])
    assert status == 302
    target = headers["Location"]
    assert int(query_of(target)["X-Amz-Expires"]) <= 4, "the address that it leads to ends with it"
    assert fetch(target)[0] == 200
    wait_until(end - 0.3)
    if time.time() < end:  # the machine may have been asleep
        assert fetch(link["url"])[0] == 302
    wait_until(end)
    assert fetch(link["url"])[0] == 410
    wait_until(end + 1)
    status, _, body = fetch(target)
    assert status == 403 and b"expired" in body.lower()


def test_a_link_cannot_be_altered(loaded):
    server = loaded.serve()
    link = make_link(server)
    path = link["url"][len(f"http://127.0.0.1:{server.port}"):]
    for at in range(len("/d/"), len(path)):
        changed = path[:at] + ("b" if path[at] == "a" else "a") + path[at + 1:]
        assert server.get(changed).status in (400, 403, 404), changed


def test_a_revoked_link_is_gone(loaded):
    server = loaded.serve()
    link = make_link(server)
    _, headers, _ = fetch(link["url"])
    assert server.request("DELETE", f"/v1/links/{link['id']}").status == 204
    assert fetch(link["url"])[0] == 410
    assert fetch(headers["Location"])[0] == 404
    assert loaded.stored("reports/") == []


def test_a_link_whose_file_is_gone_is_gone(loaded):
    server = loaded.serve()
    link = make_link(server)
    [key] = loaded.s3.keys(f"{loaded.prefix}/reports/")
    assert loaded.s3.request("DELETE", key)[0] == 204
    assert fetch(link["url"])[0] == 410


def test_equal_links_have_files_of_their_own(loaded):
    server = loaded.serve()
    first, second = make_link(server), make_link(server)
    assert (first["reused"], second["reused"]) == (False, True)
    assert server.request("DELETE", f"/v1/links/{first['id']}").status == 204
    status, headers, _ = fetch(second["url"])
    assert status == 302 and fetch(headers["Location"])[0] == 200


def test_servers_of_one_bucket_know_each_others_links(loaded, make_place):
    """Two servers, each with a spool of its own; only the bucket and the database are shared."""
    first = loaded.serve()
    link = make_link(first)
    other = make_place(loaded.s3.settings(loaded.prefix))
    second = other.serve(f"database: {{ url: 'sqlite:{loaded.folder}/data/rowgate.db' }}\n")
    path = link["url"][len(f"http://127.0.0.1:{first.port}"):]
    # While the ledger is being written to, a link waits in the spool of its server, a few seconds at most.
    deadline = time.monotonic() + 30
    while server_status(second, path) == 410 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert server_status(second, path) == 302
    assert f"{loaded.prefix}/.link-keys" in loaded.s3.keys()


def server_status(server, path):
    return fetch(f"http://127.0.0.1:{server.port}{path}")[0]


def test_keys_of_a_file(loaded):
    """links.keys.file: then none are made in the bucket."""
    server = loaded.serve("links: { keys: { file: ./keys } }\n")
    link = make_link(server)
    assert fetch(link["url"])[0] == 302
    assert (loaded.folder / "keys").stat().st_mode & 0o777 == 0o600
    assert f"{loaded.prefix}/.link-keys" not in loaded.s3.keys()


def test_a_direct_link_is_of_the_bucket(loaded):
    server = loaded.serve("links: direct\n")
    link = make_link(server, 4)
    assert link["url"].startswith(f"{loaded.s3.endpoint}/hr-files/{loaded.prefix}/reports/{link['id']}/")
    status, headers, body = fetch(link["url"])
    assert status == 200
    assert headers["Content-Disposition"].startswith('attachment; filename="hired-by-quarter-2021.csv"')
    assert len(body) == link["bytes"]
    # The same link, asked for again, ends at the same moment.
    listed = server.get("/v1/links").json["items"][0]
    assert listed["expires_at"] == link["expires_at"]
    assert fetch(listed["url"])[0] == 200
    end = seconds_of(link["expires_at"])
    wait_until(end - 0.3)
    if time.time() < end:
        assert fetch(link["url"])[0] == 200
    wait_until(end + 1)
    for url in (link["url"], listed["url"]):
        status, _, body = fetch(url)
        assert status == 403 and b"expired" in body.lower()
    assert server.get("/v1/links").json["items"][0]["url"] is None


def test_a_direct_link_cannot_be_altered(loaded):
    server = loaded.serve("links: { mode: direct }\n")
    url = make_link(server)["url"]
    begin = len(f"{loaded.s3.endpoint}/")
    for at in range(begin, len(url)):
        changed = url[:at] + ("y" if url[at] == "z" else "z") + url[at + 1:]
        assert fetch(changed)[0] != 200, changed
    assert fetch(url)[0] == 200


def test_a_direct_link_of_the_original_api(loaded):
    server = loaded.serve("links: direct\n")
    answer = server.get("/first_sql_requirement")
    assert answer.status == 200
    assert fetch(answer.json["presigned-url"])[0] == 200


def test_a_revoked_direct_link_is_gone(loaded):
    server = loaded.serve("links: direct\n")
    link = make_link(server)
    assert server.request("DELETE", f"/v1/links/{link['id']}").status == 204
    assert fetch(link["url"])[0] == 404


def test_links_of_the_command_line(loaded):
    url = loaded.run("report", "hired_by_quarter", "--link", "10m").stdout.strip()
    assert url.startswith("http://127.0.0.1:8080/d/reports/lnk_")
    settings = loaded.s3.settings(loaded.prefix) + "links: direct\n"
    loaded.configure(settings)
    url = loaded.run("report", "hired_by_quarter", "--link", "10m").stdout.strip()
    assert url.startswith(loaded.s3.endpoint) and fetch(url)[0] == 200


def test_a_direct_link_ends_with_the_keys_that_signed_it(loaded):
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 120))
    loaded.configure(loaded.s3.settings(loaded.prefix) + "links: direct\n")
    environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_CREDENTIAL_EXPIRATION": until}
    made = json.loads(loaded.run("report", "hired_by_quarter", "--link", "24h", "--json", environment=environment).stdout)
    assert seconds_of(made["expires_at"]) == seconds_of(until)
    assert int(query_of(made["url"])["X-Amz-Expires"]) <= 120
    assert fetch(made["url"])[0] == 200


def test_many_links_at_once(loaded):
    server = loaded.serve()
    links = []
    threads = [threading.Thread(target=lambda: links.append(make_link(server))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({link["id"] for link in links}) == 8
    bodies = {fetch(fetch(link["url"])[1]["Location"])[2] for link in links}
    assert len(bodies) == 1
