"""Where the keys come from: a container's endpoint and an instance's metadata, both made here; and TLS."""

import http.server
import json
import subprocess
import threading
import time

import pytest
import yaml

from s3 import ACCESS, SECRET, S3Server


class KeyServer:
    """Both kinds of endpoint: /container wants an Authorization, the others a token of the metadata service."""

    def __init__(self):
        self.life, self.asked, self.is_up = 3600, [], True
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def keys(self):
                until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + outer.life))
                return json.dumps({"AccessKeyId": ACCESS, "SecretAccessKey": SECRET, "Token": "",
                                   "Expiration": until}).encode()

            def do_PUT(self):  # noqa: N802
                outer.asked.append(self.path)
                if self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]:
                    self.answer(200, b"a-metadata-token")
                else:
                    self.answer(400, b"")

            def do_GET(self):  # noqa: N802
                outer.asked.append(self.path)
                role = "/latest/meta-data/iam/security-credentials/"
                if not outer.is_up:
                    self.answer(503, b"")
                elif self.path == "/container":
                    good = self.headers["Authorization"] == "a-container-token"
                    self.answer(*((200, self.keys()) if good else (401, b"")))
                elif self.headers["X-aws-ec2-metadata-token"] != "a-metadata-token":
                    self.answer(401, b"")
                elif self.path == role:
                    self.answer(200, b"rowgate")
                elif self.path == role + "rowgate":
                    self.answer(200, self.keys())
                else:
                    self.answer(404, b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def keys():
    server = KeyServer()
    yield server
    server.close()


def container(place, keys, token="a-container-token"):
    path = place.folder / "token"
    path.write_text(token + "\n")
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{keys.url}/container",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(path)}


def test_keys_of_a_container(place, keys):
    done = place.run("doctor", environment=container(place, keys))
    assert "keys from the container's endpoint" in done.stdout
    assert keys.asked == ["/container"], "asked once"
    done = place.run("doctor", environment=container(place, keys, "another-token"), check=False)
    assert done.returncode == 1 and "the container's credentials cannot be had: it answers 401" in done.stdout


def test_keys_of_an_instance(place, keys):
    done = place.run("doctor", environment={"AWS_EC2_METADATA_SERVICE_ENDPOINT": keys.url})
    assert "keys from role rowgate of the instance" in done.stdout
    assert keys.asked[0] == "/latest/api/token"


def test_the_environment_comes_first(place, keys):
    environment = {**container(place, keys), "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
    assert "keys from the environment" in place.run("doctor", environment=environment).stdout
    assert keys.asked == []


def test_keys_are_renewed_before_they_end(place, keys):
    """These are good for less than ten minutes, so that they are always about to end."""
    keys.life = 300
    server = place.serve(environment={**container(place, keys), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert server.get("/readyz").status == 200
    assert len(keys.asked) <= 2, "but they are not asked for every request"
    keys.is_up = False
    time.sleep(2.1)  # as long as a probe's outcome stands
    assert server.get("/readyz").status == 200, "those that are there are good still"


# --- TLS

@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secure")
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=rowgate-test",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    server = S3Server(folder, (certificate, key))
    server.authority = certificate
    yield server
    server.stop()


def secure_settings(place, secure, **more):
    settings = yaml.safe_load(secure.settings(place.prefix))
    settings["storage"].update(more)
    return yaml.safe_dump(settings)


def test_a_certificate_is_checked(place, secure):
    place.configure(secure_settings(place, secure))
    done = place.run("doctor", check=False)
    assert done.returncode == 1 and "certificate" in done.stdout
    place.configure(secure_settings(place, secure, ca=secure.authority))
    assert "can be written, read and listed" in place.run("doctor").stdout


def test_a_certificate_of_another_name_is_refused(place, secure):
    other = secure.endpoint.replace("127.0.0.1", "localhost")
    place.configure(secure_settings(place, secure, ca=secure.authority, endpoint=other))
    done = place.run("doctor", check=False)
    assert done.returncode == 1 and "localhost" in done.stdout
