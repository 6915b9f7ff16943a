"""Rejects, sources and the doctor on an S3 server."""

import json
import re
import subprocess
import threading
import time

import pytest
import yaml

from s3 import ACCESS, KEYS, SECRET, Faulty


def last_run(place):
    return json.loads(place.run("runs", "--json").stdout)["items"][0]


def test_rejects_are_kept_in_the_bucket(place):
    done = place.load_all()
    assert "hired_employees" in done.stdout + done.stderr
    run = last_run(place)
    assert run["rows"]["rejected"] > 0
    assert place.stored("rejects/") == [f"rejects/{run['id']}.jsonl.zst"]
    packed = place.s3.get(f"{place.prefix}/rejects/{run['id']}.jsonl.zst")
    lines = subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout.decode().splitlines()
    assert json.loads(lines[0])["rowgate_rejects"] == 2
    exported = place.run("rejects", "export", run["id"], "--format", "jsonl").stdout.splitlines()
    assert len(exported) == len(lines) - 2 == run["rows"]["rejected"]
    assert not (place.folder / "data/files").exists(), "nothing is kept beside"


def test_exports_are_those_of_a_local_folder(place, make_place):
    local = make_place("storage: { url: 'file:./data/files', spool: ./data/spool }\n")
    texts = []
    for at in (place, local):
        at.load_all()
        text = at.run("rejects", "export", last_run(at)["id"], "--format", "csv").stdout
        texts.append(re.sub(r"run_\w+", "run", text))
    assert texts[0] == texts[1]
    assert len(texts[0].splitlines()) > 5


def test_rejects_can_be_repaired_and_loaded_again(place):
    place.load_all()
    run = last_run(place)
    place.run("rejects", "export", run["id"], "--format", "csv", "--output", "again.csv")
    place.run("load", "again.csv", "--table", "hired_employees", "--max-rejects", "100%", check=False)
    assert last_run(place)["parent"] == run["id"]


def test_sources_are_kept_and_given_back(place):
    server = place.serve()
    body = (place.folder / "departments.csv").read_bytes()
    answer = server.post("/v1/tables/departments/loads", body)
    assert answer.status == 200, answer.text
    run = answer.json["id"]
    source = server.get(f"/v1/runs/{run}/source")
    assert source.status == 200 and source.body == body
    part = server.request("GET", f"/v1/runs/{run}/source", headers={"Range": "bytes=3-9"})
    assert part.status == 206 and part.body == body[3:10]
    end = time.monotonic() + 30  # it is sent there behind the answer
    while list((place.folder / "data/spool").rglob("*.part")):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert place.stored("sources/") == [f"sources/{run}"]
    source = server.get(f"/v1/runs/{run}/source")
    assert source.status == 200 and source.body == body


def test_the_doctor_tries_the_bucket(place):
    found = json.loads(place.run("doctor", "--json").stdout)
    storage = [check for check in found["checks"] if check["name"] == "storage"]
    assert len(storage) == 1 and storage[0]["status"] == "ok"
    assert re.match(rf"s3://hr-files/{place.prefix} in us-east-1 at {place.s3.endpoint} can be written, read and listed; "
                    r"keys from the environment; \d+ ms$", storage[0]["message"])
    assert place.stored() == []
    assert not [check for check in found["checks"] if check["name"] == "clock"]


@pytest.mark.parametrize("keys, says", [
    ({**KEYS, "AWS_SECRET_ACCESS_KEY": "another-secret"}, "SignatureDoesNotMatch"),
    ({**KEYS, "AWS_ACCESS_KEY_ID": "nobody"}, "UserNotFound"),
    ({"AWS_EC2_METADATA_DISABLED": "true"}, "there are no AWS credentials"),
    ({**KEYS, "AWS_PROFILE": "nobody", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
     "there is no AWS profile 'nobody'"),
])
def test_wrong_keys_are_told(place, keys, says):
    done = place.run("doctor", environment=keys, check=False)
    assert done.returncode == 1 and says in done.stdout, done.stdout
    load = place.run("load", "departments.csv", environment=keys, check=False)
    assert load.returncode == 0, "a load without rejects needs no storage"
    place.run("load", "jobs.csv", environment=keys)
    load = place.run("load", "hired_employees.csv", environment=keys, check=False)
    assert load.returncode == 1 and says in load.stderr
    for text in (done.stdout, done.stderr, load.stdout, load.stderr):
        assert "another-secret" not in text and SECRET not in text
    rows = place.run("rows", "hired_employees", "--json", check=False).stdout
    assert '"id"' not in rows, "rejects are kept before anything is committed"


def test_a_bucket_that_is_not_there_is_told(place):
    place.configure(place.s3.settings("x").replace("hr-files", "no-files"))
    done = place.run("doctor", check=False)
    assert done.returncode == 1 and "NoSuchBucket" in done.stdout and "make the bucket 'no-files'" in done.stdout


def test_keys_of_a_profile(place):
    home = place.folder / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws/credentials").write_text(
        f"[loader]\naws_access_key_id = {ACCESS}\naws_secret_access_key = {SECRET}\n")
    settings = yaml.safe_load(place.s3.settings(place.prefix))
    settings["storage"]["profile"] = "loader"
    place.configure(yaml.safe_dump(settings))
    done = place.run("doctor", environment={"HOME": str(home)})
    assert f"keys from profile loader of {home}/.aws/credentials" in done.stdout


def test_the_settings_are_shown_without_keys(place):
    shown = place.run("config", "show", "--origin", environment={**KEYS, "AWS_REGION": "eu-west-1"}).stdout
    assert f"s3://hr-files/{place.prefix}" in shown and place.s3.endpoint in shown
    assert SECRET not in shown and ACCESS not in shown
    place.configure(f"storage: {{ url: 's3://hr-files', endpoint: '{place.s3.endpoint}' }}\n")
    shown = place.run("config", "show", "--origin", environment={**KEYS, "AWS_REGION": "eu-west-1"}).stdout
    assert re.search(r"storage\.region\s+AWS_REGION\s+eu-west-1", shown), shown
    server = place.serve()
    assert not any(SECRET in line for line in server.log)


def test_readyz_tells_whether_the_storage_works(place):
    broken = threading.Event()
    proxy = Faulty(place.s3, lambda method, target: "503" if broken.is_set() else None)
    place.configure(place.s3.settings(place.prefix, proxy.endpoint))
    server = place.serve()
    assert server.get("/readyz").json["checks"]["storage"][0]["status"] == "pass"
    probes = lambda: sum("/probe_" in target for _, target in proxy.seen)  # noqa: E731
    before = probes()
    for _ in range(20):
        assert server.get("/readyz").status == 200
    assert probes() == before, "what was just found is told again"
    broken.set()
    time.sleep(2.1)
    answer = server.get("/readyz")
    assert answer.status == 503
    assert answer.json["checks"]["storage"][0]["output"].startswith("storage.unreachable: ")
    assert probes() == before + 1, "it is not tried again"
    broken.clear()
    time.sleep(2.1)
    assert server.get("/readyz").status == 200
    proxy.close()


def test_old_files_are_removed(place):
    place.load_all()
    assert len(place.stored("rejects/")) == 1
    settings = yaml.safe_load(place.s3.settings(place.prefix))
    settings["storage"]["keep"] = {"rejects": "1s"}
    place.configure(yaml.safe_dump(settings))
    time.sleep(2)
    place.serve()  # tidies at its start
    deadline = time.monotonic() + 20
    while place.stored("rejects/") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert place.stored("rejects/") == []
