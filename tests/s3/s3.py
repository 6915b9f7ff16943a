"""A real S3 server for tests (versitygw), requests to it that are signed here, and a proxy that makes faults.

The signatures are made by a few lines of Python, apart from rowgate's own, so that neither proves itself.
"""

import datetime
import hashlib
import hmac
import http.client
import os
import pathlib
import socket
import subprocess
import threading
import time
import urllib.parse

PROGRAM = os.environ.get("ROWGATE_S3_SERVER",
                         str(pathlib.Path(__file__).parents[2] / "build/tools/versitygw"))
ACCESS, SECRET, REGION = "rowgate-test-key", "rowgate-test-secret", "us-east-1"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(method, path, query, headers, payload, date, secret=SECRET):
    """The signature of a request as AWS describes it; `headers` by lower-case name."""
    names = ";".join(sorted(headers))
    canonical = "\n".join([
        method, urllib.parse.quote(path, safe="/-_.~"),
        "&".join(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}"
                 for k, v in sorted(query.items())),
        "".join(f"{name}:{headers[name]}\n" for name in sorted(headers)), names, payload])
    text = "\n".join(["AWS4-HMAC-SHA256", date, f"{date[:8]}/{REGION}/s3/aws4_request",
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = mac(mac(mac(mac(("AWS4" + secret).encode(), date[:8]), REGION), "s3"), "aws4_request")
    return names, hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class S3Server:
    """`folder` holds its data, so that it can be stopped and started again. Its one bucket is "hr-files"."""

    BUCKET = "hr-files"

    def __init__(self, folder, certificate=None):
        self.folder, self.certificate = pathlib.Path(folder), certificate
        for name in (f"data/{self.BUCKET}", "meta"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.start()

    def start(self):
        assert pathlib.Path(PROGRAM).exists(), f"there is no {PROGRAM}; ./dev setup builds it"
        tls = ["--cert", self.certificate[0], "--key", self.certificate[1]] if self.certificate else []
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "--access", ACCESS, "--secret", SECRET, "--port", f"127.0.0.1:{self.port}", "--keep-alive",
                 "--quiet", *tls, "posix", "--sidecar", str(self.folder / "meta"), str(self.folder / "data")],
                stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not is_open(self.port):
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self):
        self.process.kill()
        self.process.wait()

    @property
    def endpoint(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def request(self, method, key="", query=None, body=b"", headers=None):
        """(status, headers, body) of a request signed by us."""
        query = query or {}
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        payload = hashlib.sha256(body).hexdigest()
        path = f"/{self.BUCKET}/{key}" if key else f"/{self.BUCKET}"
        signed = {"host": f"127.0.0.1:{self.port}", "x-amz-content-sha256": payload, "x-amz-date": date}
        names, proof = signature(method, path, query, signed, payload, date)
        signed["authorization"] = (f"AWS4-HMAC-SHA256 Credential={ACCESS}/{date[:8]}/{REGION}/s3/aws4_request, "
                                   f"SignedHeaders={names}, Signature={proof}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        target = urllib.parse.quote(path) + ("?" + urllib.parse.urlencode(query) if query else "")
        connection.request(method, target, body, {**signed, **(headers or {})})
        answer = connection.getresponse()
        result = answer.status, answer.headers, answer.read()
        connection.close()
        return result

    def get(self, key):
        status, _, body = self.request("GET", key)
        assert status == 200, (status, body)
        return body

    def keys(self, prefix=""):
        root = self.folder / "data" / self.BUCKET
        found = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        return sorted(key for key in found if key.startswith(prefix) and not key.startswith(".sgwtmp"))

    def uploads(self, prefix):
        """How many multipart uploads are open."""
        status, _, body = self.request("GET", query={"prefix": prefix, "uploads": ""})
        assert status == 200, body
        return body.count(b"<Upload>")

    def settings(self, prefix="rowgate", endpoint=None):
        """YAML of a rowgate that stores here."""
        return (f"storage: {{ url: 's3://{self.BUCKET}/{prefix}', endpoint: '{endpoint or self.endpoint}', "
                f"region: {REGION}, spool: ./data/spool }}\n")


KEYS = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}


def fetch(url, method="GET", headers=None):
    """(status, headers, body) without signing anything, redirects not followed."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.request(method, parts.path + ("?" + parts.query if parts.query else ""), headers=headers or {})
    answer = connection.getresponse()
    result = answer.status, answer.headers, answer.read()
    connection.close()
    return result


class Faulty:
    """A proxy in front of an S3 server. `plan(method, target)` says what becomes of a request:
    None or "pass"; "503" (answered, not passed on); "cut" (closed in the middle of the body); "lose" (passed
    on, its answer thrown away). `seen` holds the requests."""

    def __init__(self, server, plan=None):
        self.server, self.plan, self.seen = server, plan or (lambda method, target: None), []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        stream = client.makefile("rb")
        try:
            while self.one(client, stream):
                pass
        except OSError:
            pass
        finally:
            stream.close()
            client.close()

    @staticmethod
    def read_head(stream):
        lines = []
        while True:
            line = stream.readline()
            lines.append(line)
            if line in (b"\r\n", b""):
                return lines

    @staticmethod
    def length(head):
        for line in head[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return int(value)
        return 0

    def one(self, client, stream):
        head = self.read_head(stream)
        if not head[0]:
            return False
        method, target, _ = head[0].decode().split(" ", 2)
        with self.lock:
            self.seen.append((method, target))
            what = self.plan(method, target)
        size = self.length(head)
        if what == "cut":
            stream.read(size // 2)
            return False
        if what == "503":
            left = size
            while left:
                left -= len(stream.read(min(left, 1 << 20)))
            body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
            client.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: %d\r\n\r\n" % len(body)
                           + (b"" if method == "HEAD" else body))
            return True
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as backend:
            backend.sendall(b"".join(head))
            left = size
            while left:
                piece = stream.read(min(left, 1 << 20))
                left -= len(piece)
                backend.sendall(piece)
            answer = backend.makefile("rb")
            answer_head = self.read_head(answer)
            answer_size = 0 if method == "HEAD" else self.length(answer_head)
            if what == "lose":
                answer.read(answer_size)
                return False
            client.sendall(b"".join(answer_head))
            while answer_size:
                piece = answer.read(min(answer_size, 1 << 20))
                if not piece:
                    return False
                answer_size -= len(piece)
                client.sendall(piece)
        return True
