"""Starting rowgate and speaking HTTP to it, by http.client or byte by byte."""

import http.client
import io
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import yaml

import api


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"{self.status} {self.text[:300]}"

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        assert self.headers["Content-Type"].startswith("application/problem+json"), (self.headers, self.text)
        return self.json

    @property
    def slug(self):
        return self.problem["type"].rsplit("/", 1)[1]


class Bytes(io.BytesIO):
    """Bytes that came from a socket, for http.client; another answer may follow in them."""

    def makefile(self, _mode):
        return self

    def close(self):
        pass


def answers_in(data, method="GET"):
    """The answers in what a server sent."""
    source, answers = Bytes(data), []
    while source.tell() < len(data):
        answer = http.client.HTTPResponse(source, method=method)
        answer.begin()
        answers.append(Answer(answer.status, answer.headers, answer.read()))
    return answers


def merge(into, changes):
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


class Server:
    """`changes`: YAML merged into the folder's rowgate.yaml; it listens on any free port of 127.0.0.1."""

    def __init__(self, rowgate, folder, changes="", environment=None, before=None, wait=True):
        self.rowgate, self.folder = rowgate, pathlib.Path(folder)
        config = yaml.safe_load((self.folder / "rowgate.yaml").read_text())
        merge(config, {"server": {"listen": "127.0.0.1:0", "admin_listen": None, "drain": "0s"},
                       "observability": {"logs": {"format": "json"}}})
        config["server"].pop("public_url", None)
        merge(config, yaml.safe_load(changes) or {})
        self.config_file = self.folder / "serve.yaml"
        self.config_file.write_text(yaml.safe_dump(config, sort_keys=False))
        self.log = []
        self.port = self.admin_port = None
        self.process = subprocess.Popen(
            [rowgate, "serve", "--config", str(self.config_file)], cwd=self.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env={**os.environ, **(environment or {})}, preexec_fn=before)
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        if wait:
            assert self.ready.wait(30) and self.port, "the server did not say that it listens:\n" + "\n".join(self.log)

    def read_log(self):
        for raw in self.process.stderr:
            line = raw.decode("utf-8", "replace").rstrip()
            self.log.append(line)
            if line.startswith("{") and '"event":"listening"' in line.replace(": ", ":"):
                ports = re.findall(r":(\d+)\b", json.loads(line)["msg"])
                self.port = int(ports[0])
                self.admin_port = int(ports[-1])
                self.ready.set()
        self.ready.set()

    def is_alive(self):
        return self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=30):
        """SIGTERM; the exit code."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            if self.is_alive():
                self.kill()
            self.reader.join(5)

    def request(self, method, path, body=None, headers=None, port=None, timeout=60):
        """The answer, which must be one that docs/http-api.yaml promises."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            got = connection.getresponse()
            answer = Answer(got.status, got.headers, got.read())
        finally:
            connection.close()
        api.check(method, path, answer, headers, is_admin=port is not None and port != self.port)
        return answer

    def get(self, path, headers=None, **more):
        return self.request("GET", path, headers=headers, **more)

    def post(self, path, body=b"", headers=None, **more):
        return self.request("POST", path, body, {"Content-Type": "text/csv", **(headers or {})}, **more)

    def raw(self, data, timeout=20, half_close=False):
        """Sends bytes, gives everything that comes back until the server closes (or `timeout`)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while piece := connection.recv(65536):
                    got += piece
            except (TimeoutError, ConnectionResetError):
                pass
            return got

    def rows(self, table):
        """What is in the table, read from the database file; [] where there is no table."""
        path = self.folder / "data" / "rowgate.db"
        if not path.exists():
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as database:
            known = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            return database.execute(f'SELECT * FROM "{table}" ORDER BY 1').fetchall() if known else []

    def version(self, table):
        for item in self.get("/v1/tables?limit=1000").json["items"]:
            if item["name"] == table:
                return item["version"]
        return None

    def ended(self, run, seconds=60):
        """The run's resource when it has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = self.get(f"/v1/runs/{run}").json
            if state["status"] not in ("receiving", "queued", "running"):
                return state
            time.sleep(0.02)
        raise AssertionError(f"{run} did not end: {state}")


def form(*files, fields=()):
    """A multipart/form-data body of (field, file name, bytes) and (field, text), and its Content-Type."""
    boundary = "----rowgate-test-boundary"
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
             for name, text in fields]
    for name, filename, data in files:
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
                     f"Content-Type: text/csv\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
