"""tests/api against rowgate serve and against the function behind each kind of gateway: the same file everywhere."""

import filecmp
import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import ROWGATE

API = pathlib.Path(__file__).parents[1] / "api"
sys.path.insert(0, str(API.parent / "http"))


def play(url, *options):
    """Runs the suite as anybody would; gives how many tests passed."""
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(API), "--base-url", url, *options], capture_output=True, text=True,
                          timeout=600, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
    return int(done.stdout.rpartition(" passed")[0].split()[-1])


@pytest.mark.parametrize("shape", ["rest", "http", "url"])
def test_the_function(place, shape):
    """Links lead to the gateway, since it stands in server.public_url; then one from the function's own log of the events."""
    gateway = place.gateway(shape)
    gateway.function.stop()
    gateway.function = place.function({"ROWGATE_SERVER__PUBLIC_URL": gateway.url})
    passed = play(gateway.url, "--max-rows", "200000")
    assert gateway.malformed == [] and passed > 40


def test_a_server_on_the_same_database_and_bucket(place):
    from server import Server  # pylint: disable=import-outside-toplevel
    server = Server(ROWGATE, place.folder, "auth: { mode: none, allow_public_without_auth: false }", environment=place.environment)
    try:
        assert play(f"http://127.0.0.1:{server.port}", "--max-rows", "200000") > 40
    finally:
        server.stop()


def test_a_server_in_a_folder_with_keys(tmp_path):
    """SQLite, files in a folder, a key for everything that the suite does."""
    import worlds  # pylint: disable=import-outside-toplevel
    there = worlds.Worlds(ROWGATE, lambda: tmp_path)
    scopes = [scope for scope in worlds.SCOPES if scope != "admin" and not scope.startswith("backups")]
    server = there.start(json.dumps({"auth": {"mode": "keys", "keys": [worlds.key_settings("suite", scopes)]}, "compat": {"max_rows": 5000}}))
    try:
        assert play(f"http://127.0.0.1:{server.port}", "--max-rows", "5000", "--key", worlds.api_key("suite")) > 40
    finally:
        there.stop()


def test_the_data_of_the_suite_is_the_example(tmp_path):
    subprocess.run([ROWGATE, "init", "--example", "hr"], cwd=tmp_path, check=True, capture_output=True)
    names = sorted(path.name for path in (API / "data").iterdir())
    assert names == ["departments.csv", "hired_employees.csv", "jobs.csv"]
    assert filecmp.cmpfiles(tmp_path, API / "data", names, shallow=False)[0] == names


def test_an_address_must_be_given():
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(API)], capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"]})
    assert done.returncode == 4 and "--base-url" in done.stderr
