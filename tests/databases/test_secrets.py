"""The database's password out of AWS Secrets Manager: read with signed requests, kept, and read again when it was changed."""

import json
import os
import subprocess
import time

import pytest
from places import ROWGATE, Server, drop_users, make_user, sql
from secrets_manager import KEY, SECRET, VARIABLES, SecretsManager

FIRST, SECOND = "first sesame", "second sesame"
SECRET_NAME = "hr/database"


@pytest.fixture
def manager():
    made = SecretsManager()
    yield made
    made.close()


@pytest.fixture
def place(place, manager):
    """The example's place, for a user of its own whose password stands in a secret as RDS writes it."""
    place.user = "keeper_" + place.space.removeprefix("hr_")
    make_user(place.kind, place.user, FIRST)
    rights = f"ALL ON SCHEMA {place.space} TO {place.user}" if place.kind == "postgresql" else \
        f"ALL ON {place.space}.* TO {place.user}@'127.0.0.1'"
    sql(place.kind, f"GRANT {rights}", "admin")
    tell(place, manager, FIRST)
    for name in ("DB_PASSWORD", "ROWGATE_DATABASE__PASSWORD__ENV"):
        del place.environment[name]
    place.environment |= {**VARIABLES, "AWS_ENDPOINT_URL_SECRETS_MANAGER": manager.url, "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                          "ROWGATE_DATABASE__URL": place.environment["ROWGATE_DATABASE__URL"].replace("loader@", f"{place.user}@"),
                          "ROWGATE_DATABASE__PASSWORD__SECRET": SECRET_NAME, "ROWGATE_DATABASE__PASSWORD__KEY": "password"}
    yield place
    drop_users(place.kind, place.user)


def set_password(place, password):
    sql(place.kind, f"ALTER USER {place.user}{'@127.0.0.1 IDENTIFIED BY' if place.kind == 'mysql' else ' PASSWORD'} "
                    f"'{password}'", "admin")


def tell(place, manager, password):
    manager.secrets[SECRET_NAME] = json.dumps({
        "engine": place.kind, "host": "127.0.0.1", "port": 3306, "dbname": place.space, "username": place.user,
        "password": password, "dbInstanceIdentifier": "hr"})


def failure(place, code=1, **environment):
    done = subprocess.run([ROWGATE, "load", "jobs.csv"], cwd=place.folder, env={**place.environment, **environment},
                          capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    for secret in (FIRST, SECOND, SECRET):
        assert secret not in done.stdout + done.stderr
    return done.stderr


def load(server, name, place, query=""):
    status, text, _ = server.post(f"/v1/tables/{name}/loads{query}", (place.folder / f"{name}.csv").read_bytes())
    assert status == 200, text


def test_a_rotated_password_needs_no_restart(place, manager):
    server = Server(place)
    try:
        load(server, "departments", place)
        assert manager.asked == [SECRET_NAME]  # kept for later logins
        set_password(place, SECOND)
        tell(place, manager, SECOND)
        load(server, "jobs", place)
        load(server, "hired_employees", place)
        assert manager.asked == [SECRET_NAME] * 2
        assert len(server.get("/v1/reports/hired_by_quarter.csv").splitlines()) > 1
        assert sql(place.kind, f"SELECT COUNT(*) > 0 FROM {place.space}.jobs", "admin") in ("1", "t")
        # Changed in the database, and not yet in the secret: refused, and well again as soon as the secret tells.
        set_password(place, FIRST)
        status, text, _ = server.post("/v1/tables/jobs/loads?mode=upsert", (place.folder / "jobs.csv").read_bytes())
        assert status == 500 and "database.privilege" in text
        tell(place, manager, FIRST)
        time.sleep(1.1)  # it is not asked for twice within a second
        load(server, "jobs", place, "?mode=upsert")
    finally:
        server.stop()
    assert FIRST not in server.log.read_text() and SECOND not in server.log.read_text()


def test_a_service_that_is_short_of_breath_is_asked_again(place, manager):
    manager.broken = 2
    place.rowgate("load", "departments.csv")
    assert len(manager.asked) == 3
    manager.broken = 1_000
    text = failure(place, code=6)
    assert "database.unreachable" in text and "InternalServiceError" in text


def test_what_is_wrong_is_said(place, manager):
    good = manager.secrets.pop(SECRET_NAME)
    assert "the secret hr/database in eu-west-1 does not exist" in failure(place)
    for content, says in (("sesame", "is no JSON object"), ('{"username":"keeper"}', 'has no member "password"'),
                          ('{"password":["x"]}', 'has no text under "password"')):
        manager.secrets[SECRET_NAME] = content
        text = failure(place)
        assert "database.secret" in text and says in text and "sesame" not in text
    manager.secrets[SECRET_NAME] = good
    manager.denied.add(SECRET_NAME)
    text = failure(place)
    assert "AccessDeniedException" in text and "secretsmanager:GetSecretValue" in text
    manager.denied.clear()
    text = failure(place, AWS_SECRET_ACCESS_KEY=SECRET + "x")
    assert "InvalidSignatureException" in text and "look at the AWS credentials" in text
    assert "UnrecognizedClientException" in failure(place, AWS_SESSION_TOKEN="old")
    assert "there are no AWS credentials" in failure(place, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="",
                                                     AWS_EC2_METADATA_DISABLED="true")
    assert "connect to 127.0.0.1 port 1" in failure(place, code=6, AWS_ENDPOINT_URL_SECRETS_MANAGER="http://127.0.0.1:1")
    place.rowgate("load", "jobs.csv")


def test_the_region_comes_from_the_variable_the_setting_or_the_arn(place, manager):
    del place.environment["AWS_REGION"]
    environment = {**place.environment, "AWS_ENDPOINT_URL_SECRETS_MANAGER": "", "AWS_ENDPOINT_URL": ""}
    done = subprocess.run([ROWGATE, "load", "jobs.csv"], cwd=place.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "the region of the secret is not known" in done.stderr
    place.environment["ROWGATE_DATABASE__PASSWORD__REGION"] = "eu-west-1"
    place.rowgate("load", "departments.csv")
    del place.environment["ROWGATE_DATABASE__PASSWORD__REGION"]
    arn = f"arn:aws:secretsmanager:eu-west-1:111122223333:secret:{SECRET_NAME}-a1b2c3"
    manager.secrets[arn] = manager.secrets.pop(SECRET_NAME)
    place.environment["ROWGATE_DATABASE__PASSWORD__SECRET"] = arn
    place.rowgate("load", "jobs.csv")
    assert manager.asked[-1] == arn


def test_the_configuration_names_the_secret_only(place, manager):
    shown = place.rowgate("config", "show").decode()
    assert "the secret hr/database in eu-west-1" in shown and FIRST not in shown and KEY not in shown
    assert manager.asked == []
    doctor = place.rowgate("doctor").decode()
    assert "no problems" in doctor and FIRST not in doctor and os.environ["TESTDB_PASSWORD"] not in doctor
