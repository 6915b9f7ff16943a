"""A server without keys, and the browser of whoever runs it: what pages of other sites can do, by which names."""

import contextlib
import json
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from worlds import KEYS, bearer

EVIL = {"Origin": "https://evil.example"}
CROSS = {"Sec-Fetch-Site": "cross-site"}
LOADS = [("POST", "/db_migration?table=departments&schema=test_db"), ("POST", "/v1/tables/departments/loads?mode=replace"),
         ("POST", "/v1/tables/departments/validate"), ("POST", "/v1/reports/hired_by_quarter/links"),
         ("GET", "/first_sql_requirement"), ("HEAD", "/second_sql_requirement"), ("GET", "/v1/tables/departments/rows"),
         ("DELETE", "/v1/links/lnk_" + "0" * 26)]
PAGES = ["/v1", "/openapi.yaml", "/problems/request.cross_site", "/livez", "/version"]


def code_of(answer):
    return answer.json["code"] if answer.headers["Content-Type"].startswith("application/problem+json") else answer.text


@pytest.mark.parametrize("headers", [EVIL, CROSS, {**EVIL, **CROSS}, {"Origin": "null"}])
@pytest.mark.parametrize("method, path", LOADS)
def test_a_page_of_another_site_can_do_nothing(worlds, method, path, headers):
    server = worlds.plain.server
    before = server.rows("departments")
    answer = server.request(method, path, b"id,department\n1,PWNED\n" if method == "POST" else None,
                            {"Content-Type": "text/plain", **headers})
    assert answer.status == 403, answer
    assert server.rows("departments") == before
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", PAGES)
def test_pages_that_do_nothing_are_for_all(worlds, path):
    for headers in (EVIL, CROSS):
        assert worlds.plain.server.get(path, headers).status == 200


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"},
                                     {"Origin": "http://127.0.0.1:3000"}])
def test_who_is_no_page_of_another_site_is_served(worlds, headers):
    assert worlds.plain.server.get("/v1/tables", headers).status == 200


def test_a_link_may_be_followed_from_anywhere(worlds):
    server = worlds.plain.server
    url = server.get("/first_sql_requirement").json["presigned-url"]
    assert server.get(url[url.index("/d/"):], CROSS).status == 200


@pytest.mark.parametrize("path", ["/v1", "/v1/tables", "/db_migration", "/metrics", "/nowhere"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "localhost.evil.example", "10.0.0.7", "[::2]:80",
                                  "127.0.0.1.evil.example"])
def test_another_host_is_misdirected(worlds, path, host):
    answer = worlds.plain.server.get(path, {"Host": host})
    assert answer.status == 421, answer


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "localhost.", "127.0.0.1", "127.8.9.10:80", "[::1]", "[::1]:8080"])
def test_loopback_has_many_names(worlds, host):
    assert worlds.plain.server.get("/v1/tables", {"Host": host}).status == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_orchestrators_ask_by_any_name(worlds, path):
    assert worlds.plain.server.get(path, {"Host": "10.1.2.3:8080"}).status == 200


def test_hosts_that_are_named(start):
    server = start("server: { hosts: [rowgate.internal], public_url: 'https://files.example.org/rowgate' }")
    for host, status in (("rowgate.internal:80", 200), ("Files.Example.Org", 200), ("example.org", 421)):
        assert server.get("/v1/tables", {"Host": host}).status == status, host


def test_open_to_all_hosts_count_only_where_they_are_named(start):
    assert start("auth: { allow_public_without_auth: true }").get("/v1", {"Host": "any.example"}).status == 200
    server = start("{ auth: { allow_public_without_auth: true }, server: { hosts: [one.example] } }")
    assert server.get("/v1", {"Host": "any.example"}).status == 421
    assert server.get("/v1", {"Host": "one.example"}).status == 200


def test_origins_that_are_named(start):
    server = start("server: { cors: { origins: [https://app.example.org] } }")
    for origin, status in (("https://app.example.org", 200), ("https://evil.example", 403)):
        assert server.get("/v1/tables", {"Origin": origin, **CROSS}).status == status
        assert server.post("/db_migration?table=departments&schema=test_db", b"id,department\n1,A\n",
                           {"Origin": origin}).status == status


def test_cors_of_the_original_api(start):
    load = ("/db_migration?table=departments&schema=test_db", b"id,department\n1,A\n", EVIL)
    server = start()
    assert server.post(*load).status == 403
    preflight = {**EVIL, "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in server.request("OPTIONS", load[0], headers=preflight).headers
    server.stop()
    server = start('compat: { cors: "*" }')
    answer = server.post(*load)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert server.get("/v1/tables", EVIL).status == 403, "the original API's routes alone"
    server.stop()
    server = start("compat: { cors: 'https://app.example.org' }")
    assert server.post(*load).status == 403


def test_keys_are_what_counts_where_there_are_any(worlds):
    for headers in (EVIL, CROSS, {"Host": "any.example"}):
        assert worlds.keys.server.get("/v1/tables", {**bearer("all"), **headers}).status == 200
    load = worlds.keys.server.post("/db_migration?table=departments&schema=test_db", b"id,department\n1,A\n",
                                   {**bearer("all"), **EVIL})
    assert (load.status, load.headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_metrics_need_a_key_of_their_scope(start):
    keys = {"auth": {"mode": "keys", "keys": KEYS}}
    server = start(json.dumps(keys))
    assert server.get("/metrics").status == 401
    assert server.get("/metrics", bearer("tables:read")).status == 403
    assert "rowgate_" in server.get("/metrics", bearer("metrics:read")).text
    server.stop()
    server = start(json.dumps({**keys, "server": {"admin_listen": "127.0.0.1:0"}}))
    assert "rowgate_" in server.get("/metrics", port=server.admin_port).text


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"], check=True, capture_output=True)


@pytest.mark.parametrize("mode, warns", [(0o600, False), (0o640, False), (0o644, True)])
def test_tls_says_what_it_is(start, folder, mode, warns):
    certificate(folder)
    (folder / "key.pem").chmod(mode)
    server = start("server: { tls: { certificate: cert.pem, key: key.pem }, admin_listen: 127.0.0.1:0 }")
    said = "\n".join(server.log)
    assert f"https://127.0.0.1:{server.port}" in said and f"http://127.0.0.1:{server.admin_port}" in said
    assert f"https://127.0.0.1:{server.admin_port}" not in said, "the admin listener is plain"
    assert ("can read the private key" in said) == warns
    context = ssl.create_default_context(cafile=folder / "cert.pem")
    with contextlib.closing(urllib.request.urlopen(f"https://127.0.0.1:{server.port}/v1", context=context)) as answer:
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in server.get("/livez", port=server.admin_port).headers
    doctor = subprocess.run([server.rowgate, "--config", server.config_file, "doctor"], cwd=folder, capture_output=True,
                            text=True, check=False)
    assert ("can read the private key" in doctor.stdout) == warns, doctor.stdout


OLD_SUITES = ["AES128-SHA", "AES256-SHA", "AES128-GCM-SHA256", "AES256-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384",
              "DHE-RSA-AES128-GCM-SHA256"]
NEW_SUITES = ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]


def test_suites_without_forward_secrecy_or_authenticated_encryption_are_refused(start, folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    server = start("server: { tls: { certificate: cert.pem, key: key.pem } }")
    taken = []
    for suite in OLD_SUITES + NEW_SUITES:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite + ":@SECLEVEL=0")
        with contextlib.suppress(ssl.SSLError), socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain, \
                context.wrap_socket(plain) as encrypted:
            taken.append(encrypted.cipher()[0])
    assert taken == NEW_SUITES


def test_listen_keeps_the_public_url(folder, start):
    text = start().config_file.read_text()
    (folder / "rowgate.yaml").write_text(text.replace("server:", "server:\n  public_url: https://files.example.org", 1))
    with subprocess.Popen([start().rowgate, "serve", "--listen", "127.0.0.1:0"], cwd=folder, stderr=subprocess.PIPE,
                          text=True) as process:
        for line in process.stderr:
            if '"listening"' in line:
                port = json.loads(line)["msg"].rpartition(":")[2]
                break
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/problems/request.malformed") as _:
            pass
        request = urllib.request.Request(f"http://127.0.0.1:{port}/nowhere")
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(request)
        process.terminate()
        assert json.load(told.value)["type"].startswith("https://files.example.org/problems/")
