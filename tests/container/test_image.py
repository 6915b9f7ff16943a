"""What docs/container.md says of the image, and tests/api against it on each database."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import urllib.request

import pytest

from podman import IMAGE, ROOT, inspect, podman

API = ROOT / "tests/api"
LABELS = "org.opencontainers.image."


def play(url, *options):
    """Runs the API suite as anybody would; gives how many tests passed."""
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(API), "--base-url", url, *options], capture_output=True, text=True,
                          timeout=600, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
    return int(done.stdout.rpartition(" passed")[0].split()[-1])


def fargate_container():
    """What infra/ makes of it, from the snapshot of its template."""
    template = json.loads((ROOT / "infra/test/snapshots/ServiceStack.json").read_text())
    task, = [one for one in template["Resources"].values() if one["Type"] == "AWS::ECS::TaskDefinition"]
    definition, = task["Properties"]["ContainerDefinitions"]
    return definition


@pytest.fixture(scope="module")
def running(make_place):
    return make_place().start()


@pytest.mark.parametrize("database", ["SQLITE", "MYSQL", "POSTGRESQL"])
def test_the_api_test_is_green_and_sigterm_ends_it(place, database):
    container = place.start(os.environ.get(f"TESTDB_{database}"))
    assert play(container.url, "--key", place.key) > 40
    podman("healthcheck", "run", container.id)
    status, seconds = container.stop()
    print(f"{database}: ended with {status} after {seconds:.1f} s")
    assert status == 0 and seconds < 15, container.logs
    assert "the server has stopped" in container.logs


def test_a_new_container_finds_what_the_old_one_left_in_the_volume(place):
    old = place.start()
    load = urllib.request.Request(f"{old.url}/v1/tables/jobs/loads", data=(API / "data/jobs.csv").read_bytes(),
                                  headers={"X-Api-Key": place.key, "Content-Type": "text/csv"})
    with urllib.request.urlopen(load, timeout=60) as answer:
        assert json.load(answer)["rows"]["accepted"] == 183
    assert old.stop()[0] == 0
    new = place.start()
    tables = json.loads(new.run("/usr/bin/rowgate", "tables", "--json"))["items"]
    assert {table["name"]: table["rows"] for table in tables}["jobs"] == 183


def test_the_health_check_tells_a_server_that_does_not_answer(place):
    container = place.start()
    podman("healthcheck", "run", container.id)
    assert container.state["Health"]["Status"] == "healthy"
    podman("kill", "--signal", "STOP", container.id)
    podman("healthcheck", "run", container.id, status=1)
    podman("kill", "--signal", "CONT", container.id)
    podman("healthcheck", "run", container.id)


def test_the_health_check_of_the_container_service_works_in_the_image(place):
    """What infra/ gives to Fargate; the port is that of the image there."""
    definition = fargate_container()
    kind, *command = definition["HealthCheck"]["Command"]
    container = place.start()
    assert kind == "CMD" and command[-1].count(":8080/") == 1
    container.run(*command[:-1], command[-1].replace(":8080/", f":{container.port}/"))
    mount, = definition["MountPoints"]
    config = inspect(IMAGE, "image")["Config"]
    assert definition["User"] == config["User"].partition(":")[0] and mount["ContainerPath"] in config["Volumes"]


def test_with_the_settings_of_aws_it_reads_the_environment_that_infra_gives(tmp_path):
    for name in ("Dockerfile", "rowgate.yaml"):
        shutil.copy(ROOT / "infra/lambda" / name, tmp_path)
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", tmp_path / "rds-ca.pem")
    image = f"{IMAGE}-aws"
    subprocess.run(["buildah", "bud", "--format", "docker", "--network", "host", "--pull-never", "--build-arg", f"BASE={IMAGE}", "--tag", image,
                    str(tmp_path)], check=True, capture_output=True)
    made_by_aws = {"DATABASE_HOST": "db.example.org", "ROWGATE_SERVER__PUBLIC_URL": "http://balancer.example.org", "LINK_KEY": "k" * 40}
    container = fargate_container()
    environment = {one["Name"]: one.get("Value") for one in container["Environment"] + container["Secrets"]}
    assert {name for name, value in environment.items() if not isinstance(value, str)} == set(made_by_aws)
    options = [f"--env={name}={value}" for name, value in {**environment, **made_by_aws, "AWS_REGION": "us-east-1"}.items()]
    said = podman("run", "--rm", "--read-only", "--cap-drop=all", f"--user={container['User']}", *options, image, "config", "check")
    assert "/etc/rowgate/rowgate.yaml is valid: 3 tables, 2 reports" in said
    podman("image", "rm", image)


def test_it_has_no_rights_and_writes_into_its_volume_only(running):
    assert running.run("id", "-u").strip() == "65532"
    status = dict(line.split(":\t", 1) for line in running.run("cat", "/proc/1/status").splitlines())
    assert status["Name"] == "rowgate" and status["NoNewPrivs"] == "1"
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    for folder in ("/", "/etc/rowgate", "/tmp", "/usr/bin", "/var/tmp"):
        running.run("touch", f"{folder}/new", status=1)
    running.run("touch", "/var/lib/rowgate/new")


def test_what_is_reached_from_outside_needs_keys():
    """The image's own address, without a configuration; it does not get so far as to listen."""
    done = subprocess.run(["podman", "run", "--rm", "--read-only", "--cap-drop=all", IMAGE], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode not in (0, 125, 126, 127), done
    assert "0.0.0.0 without asking for keys" in done.stderr, done


def test_labels():
    config = inspect(IMAGE, "image")
    labels = config["Labels"]
    version = re.search(r"project\(rowgate VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    assert labels[LABELS + "version"] == version and version in podman("run", "--rm", IMAGE, "version")
    assert labels[LABELS + "revision"] == commit
    assert labels[LABELS + "licenses"] == "Apache-2.0" and labels[LABELS + "title"] == "rowgate"
    assert labels[LABELS + "base.digest"].startswith("sha256:")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*", labels[LABELS + "created"])
    assert config["Config"]["StopSignal"] in ("SIGTERM", "15") and config["Config"]["Entrypoint"] == ["/usr/bin/rowgate"]


def test_nothing_of_the_build_is_in_it():
    # status 1: two of the folders are not there
    there = podman("run", "--rm", "--entrypoint", "find", IMAGE, "/src", "/out", "/usr/bin", "-maxdepth", "1", status=1)
    names = {pathlib.PurePosixPath(line).name for line in there.splitlines() if line.startswith("/")}
    assert "rowgate" in names and not names & {"src", "out", "clang-19", "cmake", "ninja", "gcc", "ccache"}


def test_the_addresses_of_compose_are_valid(place):
    for url in (None, "postgresql://rowgate@postgresql:5432/hr?tls=disable"):
        podman("run", "--rm", *place.options(url), IMAGE, "config", "check")


def test_no_secret_is_in_deploy():
    """They come by files that are not in the repository, and by the environment of who starts it."""
    texts = "".join(path.read_text() for path in (ROOT / "deploy").iterdir() if path.is_file())
    assert "rgk_0" not in texts and not re.search(r"\b[0-9a-f]{32,}\b", texts)
    names = re.findall(r"^ *\w*(?:PASSWORD|SECRET|KEY)\w*: *(.*)$", (ROOT / "deploy/compose.yaml").read_text(), re.M)
    assert names and all(value.startswith(("/run/secrets/", "${", '"yes"')) for value in names), names
