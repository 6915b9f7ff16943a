"""The stacks of infra/ on an emulator of AWS (MiniStack), deployed by the CDK as they would be to an account.

    emulated.py run COMMAND...   deploys, runs the command with the API's address and key in its environment, stops all
    emulated.py serve            deploys, prints both, stops at Ctrl-C

ROWGATE_URL is the address of the deployed REST API, ROWGATE_KEY the key that its callers send. The function is
what `./dev lambda` made, its database the MariaDB of tools/servers.py (TESTDB_MYSQL, TESTDB_PASSWORD). Everything listens on
loopback only. Run it with the Python of build/venv-aws.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3
import yaml

import assembly

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
INFRA = ROOT / "infra"
ROWGATE, STAND_IN = ROOT / "build/lambda", INFRA / "test/package"
ACCOUNT, REGION = "111111111111", "us-east-1"
DATABASE = "hr_aws"  # of rowgate, beside those of other tests


@dataclasses.dataclass
class Emulator:
    """A running MiniStack: its address, its process, and what the AWS clients need to find it."""

    url: str
    pid: int
    folder: pathlib.Path
    environment: dict

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, aws_access_key_id=ACCOUNT,
                            aws_secret_access_key="test")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")


@dataclasses.dataclass
class Deployment:
    """The deployed stacks."""

    emulator: Emulator
    stacks: dict  # name -> outputs
    went: dict  # name -> types of resources that the emulator does not know
    seconds: dict  # of each step

    @property
    def application(self):
        """The outputs of the stack with the API."""
        return next(outputs for outputs in self.stacks.values() if "RestApiId" in outputs)

    def api_url(self, stage="dev"):
        """The address of the API's `stage`, without a slash at its end."""
        return f"{self.emulator.url}/_aws/execute-api/{self.application['RestApiId']}/{stage}"

    def api_key(self):
        key = self.application["ApiKeyId"]
        return self.emulator.client("apigateway").get_api_key(apiKey=key, includeValue=True)["value"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def emulator():
    """Starts MiniStack on loopback, with nothing of this process's environment but what it needs."""
    with tempfile.TemporaryDirectory(prefix="rowgate-aws.") as name:
        folder, port = pathlib.Path(name), free_port()
        url = f"http://127.0.0.1:{port}"
        for part in ("home", "tmp"):
            (folder / part).mkdir()
        aws = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION,
               "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
        own = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "LC_ALL": "C.UTF-8"}
        program = pathlib.Path(sys.executable).parent / "ministack"
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([program], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True,
                                       env=own | aws | {"MINISTACK_ACCOUNT_ID": ACCOUNT, "BIND_HOST": "127.0.0.1",
                                                        "GATEWAY_PORT": str(port)})
            started = Emulator(url, process.pid, folder, own | aws | {"HOME": os.environ.get("HOME", str(folder))})
            try:
                wait_for(f"{url}/_ministack/health", process, started)
                yield started
            finally:
                stop(process)


def wait_for(url, process, started, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the emulator did not start:\n{started.log()[-4000:]}")


def stop(process):
    """Ends the emulator and the functions that it runs, which are of its own process group."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cdk(started, *arguments):
    """Runs the CDK's command on the fitted assembly."""
    run([INFRA / "node_modules/.bin/cdk", "--no-notices", "--app", started.folder / "cdk.emulated", *arguments],
        started.environment | {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "1"})


def run(arguments, environment):
    done = subprocess.run(arguments, cwd=INFRA, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))} failed:\n{done.stdout[-8000:]}")
    return done.stdout


def configuration(folder):
    """infra/config-files/configs.yaml for the emulator: without the pipeline, which it does not know, with the service."""
    text = (INFRA / "config-files/configs.yaml").read_text()
    text = re.sub(r"(\n  CicdStack:\n    enabled: )true", r"\1false", text)
    text = re.sub(r"(\n  ServiceStack:[^\n]*\n    enabled: )false", r"\1true", text)
    path = folder / "configs.yaml"
    path.write_text(text)
    environment = yaml.safe_load(text)["Environment"]
    assert (environment["Account"], environment["Region"]) == (ACCOUNT, REGION)
    return path


@contextlib.contextmanager
def deployed(package):
    """Starts the emulator, bootstraps it, deploys all stacks but the pipeline, with the function's files of `package`."""
    seconds = {}

    @contextlib.contextmanager
    def timed(step):
        begin = time.monotonic()
        yield
        seconds[step] = round(time.monotonic() - begin, 1)

    with contextlib.ExitStack() as stack:
        with timed("start"):
            running = stack.enter_context(emulator())
        with timed("synth"):
            folder = running.folder
            context = {"package": str(package), "config": str(configuration(folder))}
            made = running.environment | {"CDK_OUTDIR": str(folder / "cdk.out"), "CDK_CONTEXT_JSON": json.dumps(context)}
            run([INFRA / "node_modules/.bin/tsx", "bin/rowgate.ts"], made)
            went = assembly.fit(folder / "cdk.out", folder / "cdk.emulated", assembly.known_types())
        with timed("bootstrap"):
            cdk(running, "bootstrap", f"aws://{ACCOUNT}/{REGION}")
        with timed("deploy"):
            cdk(running, "deploy", "--all", "--require-approval", "never", "--progress", "events")
        described = running.client("cloudformation").describe_stacks()["Stacks"]
        stacks = {one["StackName"]: {output["OutputKey"]: output["OutputValue"] for output in one.get("Outputs", [])}
                  for one in described if one["StackName"] in went}
        yield Deployment(running, stacks, went, seconds)


@contextlib.contextmanager
def rowgate():
    """deployed() with rowgate itself, ready to be asked."""
    if not (ROWGATE / "bootstrap").exists():
        raise RuntimeError("build/lambda has no program for the function; make it with ./dev lambda")
    with deployed(ROWGATE) as deployment:
        connect(deployment)
        yield deployment


def make_database():
    """A fresh database on the MariaDB of tools/servers.py; its address."""
    server, _, _ = os.environ["TESTDB_MYSQL"].rpartition("/")
    user, place = server.removeprefix("mysql://").split("@")
    host, port = place.split(":")
    subprocess.run(["mariadb", "--no-defaults", f"-h{host}", f"-P{port}", f"-u{user}", "-e",
                    f"DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}"], check=True,
                   env={**os.environ, "MYSQL_PWD": os.environ["TESTDB_PASSWORD"]})
    return f"{server}/{DATABASE}"


def connect(deployment):
    """Gives rowgate what the emulator has not: a database that is one, and its own address."""
    program = deployment.application["FunctionName"]
    secrets, functions = deployment.emulator.client("secretsmanager"), deployment.emulator.client("lambda")
    variables = functions.get_function_configuration(FunctionName=program)["Environment"]["Variables"]
    secrets.put_secret_value(SecretId=variables["DATABASE_SECRET"],
                             SecretString=json.dumps({"username": "loader", "password": os.environ["TESTDB_PASSWORD"]}))
    variables |= {"ROWGATE_DATABASE__URL": make_database(),
                  "ROWGATE_STORAGE__SPOOL": str(deployment.emulator.folder / "spool"),
                  "ROWGATE_SERVER__PUBLIC_URL": deployment.api_url()}
    functions.update_function_configuration(FunctionName=program, Environment={"Variables": variables})


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("run", "serve") or (sys.argv[1] == "run" and len(sys.argv) < 3):
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with rowgate() as deployment:
        variables = {"ROWGATE_URL": deployment.api_url(), "ROWGATE_KEY": deployment.api_key()}
        if sys.argv[1] == "run":
            return subprocess.run(sys.argv[2:], env={**os.environ, **variables}, check=False).returncode
        for name, value in variables.items():
            print(f"export {name}='{value}'", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
