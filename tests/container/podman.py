"""The image under podman, run as deploy/compose.yaml says, but in this machine's network and there on loopback only."""

import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).parents[2]
IMAGE = os.environ["ROWGATE_IMAGE"]
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
SERVICE = COMPOSE["services"]["rowgate"]


def podman(*arguments, status=0):
    """What it printed. What it says on the other stream is often that there is no systemd to repeat health checks."""
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == status, (arguments, done)
    return done.stdout


def inspect(name, kind="container"):
    return json.loads(podman("inspect", "--type", kind, name))[0]


def interpolated(text, variables):
    """What compose makes of `${NAME:-default}` and `${NAME:?message}`."""
    def value(found):
        name, operator, rest = found.groups()
        if name in variables:
            return variables[name]
        assert operator == ":-", f"{name} must be set: {rest}"
        return rest
    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)


def compose_options(variables, mounts):
    """Options of `podman run` for the service `rowgate`; `mounts` has this machine's path for each source in compose.yaml."""
    known = {"image", "build", "environment", "secrets", "volumes", "ports", "read_only", "cap_drop", "security_opt",
             "stop_grace_period", "restart", "depends_on"}
    assert set(SERVICE) == known, "teach this function what is new in compose.yaml"
    assert SERVICE["read_only"] is True
    # podman would put folders of memory over /tmp and others; docker does not.
    options = ["--read-only", "--read-only-tmpfs=false", "--stop-timeout", SERVICE["stop_grace_period"].removesuffix("s")]
    options += [f"--cap-drop={name}" for name in SERVICE["cap_drop"]]
    options += [f"--security-opt={text.removesuffix(':true')}" for text in SERVICE["security_opt"]]
    options += [f"--env={name}={interpolated(text, variables)}" for name, text in SERVICE["environment"].items()]
    for volume in SERVICE["volumes"]:
        source, rest = volume.split(":", 1)
        options.append(f"--volume={mounts[source]}:{rest}")
    for name in SERVICE["secrets"]:
        options.append(f"--volume={mounts[COMPOSE['secrets'][name]['file']]}:/run/secrets/{name}:ro")
    return options


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Container:
    """`rowgate serve` in a container."""

    def __init__(self, options):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.id = podman("run", "--detach", *options, f"--env=ROWGATE_SERVER__LISTEN=127.0.0.1:{self.port}",
                         f"--env=ROWGATE_SERVER__PUBLIC_URL={self.url}", IMAGE).strip()
        deadline = time.monotonic() + 60
        while self.status_of("/readyz") != 200:
            assert time.monotonic() < deadline and self.state["Running"], self.logs
            time.sleep(0.1)

    def status_of(self, path):
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            return None

    @property
    def state(self):
        return inspect(self.id)["State"]

    @property
    def logs(self):
        return subprocess.run(["podman", "logs", self.id], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    def run(self, *command, status=0):
        return podman("exec", self.id, *command, status=status)

    def stop(self):
        """Asks by SIGTERM; gives the exit code and the seconds that it took."""
        began = time.monotonic()
        podman("kill", "--signal", "TERM", self.id)
        status = int(podman("wait", self.id))
        return status, time.monotonic() - began

    def remove(self):
        podman("rm", "--force", "--time", "1", self.id)
