"""Servers that are not what they should be: without TLS, or after the password. None of them may ever see it."""

import contextlib
import os
import socket
import ssl
import struct
import subprocess
import threading

import pytest
from places import ROWGATE

PASSWORD = "secret-sesame-4711"
PROTOCOL_41, SECURE, PLUGINS, TLS_BIT, WITH_DATABASE = 0x200, 0x8000, 0x80000, 0x800, 8


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


class Impostor:
    """Listens, plays `talk(self, connection)` with each client, and keeps every byte that it got (decrypted)."""

    def __init__(self, talk, certificate=None):
        self.got, self.certificate, self.encrypted = b"", certificate, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.talk = talk
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(10)
            with contextlib.suppress(OSError), connection:
                self.talk(self, connection)

    def receive(self, connection):
        data = connection.recv(65536)
        self.got += data
        if not data:
            raise OSError("the client is gone")
        return data

    def receive_packet(self, connection):
        """One packet of MySQL's protocol and nothing behind it: after the request for TLS that is TLS itself."""
        def exactly(size):
            data = b""
            while len(data) < size:
                piece = connection.recv(size - len(data))
                if not piece:
                    raise OSError("the client is gone")
                data += piece
                self.got += piece
            return data

        exactly(int.from_bytes(exactly(4)[:3], "little"))

    def encrypt(self, connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate / "cert.pem", self.certificate / "key.pem")
        self.encrypted = True
        return context.wrap_socket(connection, server_side=True)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def impostor(talk, certificate=None):
    made = Impostor(talk, certificate)
    try:
        yield made
    finally:
        made.close()


def packet(number, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def greeting(tls, plugin, plugins=True):
    low = PROTOCOL_41 | SECURE | WITH_DATABASE | (TLS_BIT if tls else 0)
    high = (PLUGINS if plugins else 0) >> 16
    return packet(0, b"\x0a8.0.34\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<HBHHB", low, 45, 2, high, 21)
                  + bytes(10) + b"123456789012\0" + plugin.encode() + b"\0")


def mysql(tls, method, ask_on=b"", plugins=True):
    """Asks for `method`, then sends `ask_on` where the client went along."""
    def talk(self, connection):
        connection.sendall(greeting(tls, "mysql_native_password", plugins))
        number = 2
        if tls:
            self.receive_packet(connection)
            connection = self.encrypt(connection)
            number = 3
        self.receive(connection)
        data = b"\x04Password: " if method == "dialog" else b"1" * 20  # its first question comes with its name
        connection.sendall(packet(number, b"\xfe" + (method.encode() + b"\0" + data + b"\0" if method else b"")))
        self.receive(connection)
        if ask_on:
            connection.sendall(packet(number + 2, ask_on))
            self.receive(connection)
    return talk


def postgresql(tls, *requests, split=False):
    def talk(self, connection):
        first = self.receive(connection)
        if first[4:8] == struct.pack(">I", 80877103):  # SSLRequest
            connection.sendall(b"S" if tls else b"N")
            if tls:
                connection = self.encrypt(connection)
            self.receive(connection)
        message = b"".join(requests)
        for piece in ([message[i:i + 1] for i in range(len(message))] if split else [message]):
            connection.sendall(piece)
        self.receive(connection)
        self.receive(connection)
    return talk


CLEARTEXT = b"R" + struct.pack(">II", 8, 3)
MD5 = b"R" + struct.pack(">II", 12, 5) + b"salt"


def try_to_load(kind, port, tls, folder, host="127.0.0.1", ca=None, **more):
    (folder / "t.csv").write_text("id,a\n1,x\n")
    database = more.pop("cleartext", None)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
                   "ROWGATE_DATABASE__PASSWORD__ENV": "DB_PASSWORD", "DB_PASSWORD": PASSWORD,
                   **({"ROWGATE_DATABASE__CLEARTEXT_PASSWORD": database} if database else {})}
    url = f"{kind}://loader@{host}:{port}/hr?tls={tls}" + (f"&ca={ca}" if ca else "")
    return subprocess.run([ROWGATE, "load", "t.csv", "--table", "t", "--to", url], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=60, check=False)


def is_insecure(done):
    assert done.returncode == 1, done.stderr
    assert "database.insecure" in done.stderr and PASSWORD not in done.stderr + done.stdout, done.stderr


@pytest.mark.parametrize("tls", ["require", "verify-full"])
@pytest.mark.parametrize("method, ask_on, plugins", [
    ("mysql_clear_password", b"", True), ("dialog", b"", True), ("mysql_old_password", b"", True),
    ("caching_sha2_password", b"\x01\x04", True), ("", b"", False)])
def test_a_mysql_server_without_tls_learns_nothing(tls, method, ask_on, plugins, tmp_path):
    with impostor(mysql(False, method, ask_on, plugins)) as server:
        done = try_to_load("mysql", server.port, tls, tmp_path)
        assert server.got == b"", "not even the user's name"
        is_insecure(done)


@pytest.mark.parametrize("tls", ["require", "verify-full"])
def test_a_postgresql_server_without_tls_learns_nothing(tls, tmp_path):
    with impostor(postgresql(False, CLEARTEXT)) as server:
        done = try_to_load("postgresql", server.port, tls, tmp_path)
        assert server.got.replace(struct.pack(">II", 8, 80877103), b"") == b"", "requests for TLS alone"
        is_insecure(done)


@pytest.mark.parametrize("tls, method, ask_on", [
    *((tls, *each) for tls in ("disable", "require") for each in (
        ("mysql_clear_password", b""), ("dialog", b""), ("mysql_old_password", b""))),
    # Without TLS this method sends it under the server's public key, which loopback may.
    ("require", "caching_sha2_password", b"\x01\x04")])
def test_a_mysql_server_that_asks_for_the_password_does_not_get_it(tls, method, ask_on, certificate, tmp_path):
    with impostor(mysql(tls == "require", method, ask_on), certificate) as server:
        done = try_to_load("mysql", server.port, tls, tmp_path)
        assert PASSWORD.encode() not in server.got and server.encrypted == (tls == "require")
        is_insecure(done)


@pytest.mark.parametrize("tls", ["disable", "require"])
@pytest.mark.parametrize("requests, split", [((CLEARTEXT,), False), ((CLEARTEXT,), True), ((MD5, CLEARTEXT), False)])
def test_a_postgresql_server_that_asks_for_the_password_does_not_get_it(tls, requests, split, certificate, tmp_path):
    with impostor(postgresql(tls == "require", *requests, split=split), certificate) as server:
        done = try_to_load("postgresql", server.port, tls, tmp_path)
        assert PASSWORD.encode() not in server.got and server.encrypted == (tls == "require")
        is_insecure(done)


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_a_server_that_is_verified_may_ask_for_it(kind, certificate, tmp_path):
    talk = mysql(True, "mysql_clear_password") if kind == "mysql" else postgresql(True, CLEARTEXT)
    with impostor(talk, certificate) as server:
        try_to_load(kind, server.port, "verify-full", tmp_path, ca=certificate / "cert.pem")
        assert PASSWORD.encode() in server.got and server.encrypted


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_any_server_may_where_it_is_set(kind, certificate, tmp_path):
    talk = mysql(True, "mysql_clear_password") if kind == "mysql" else postgresql(True, CLEARTEXT)
    with impostor(talk, certificate) as server:
        try_to_load(kind, server.port, "require", tmp_path, cleartext="always")
        assert PASSWORD.encode() in server.got


@pytest.mark.parametrize("tls", ["disable", "require", "verify-full"])
def test_real_servers_take_the_login(place, tls):
    url = place.environment["ROWGATE_DATABASE__URL"].replace("tls=disable", "")
    url += ("&" if "?" in url else "?") + f"tls={tls}" + (f"&ca={os.environ['TESTDB_CA']}" if tls == "verify-full" else "")
    place.environment["ROWGATE_DATABASE__URL"] = url
    place.rowgate("load", "departments.csv")
