"""The stacks deployed to the emulator, asked through AWS's own interfaces; the function is the stand-in."""

import json
import pathlib
import time
import urllib.error
import urllib.request

import pytest

import emulated

# What the emulator does not make. A type that turns up here beside these needs a look: is it proven by something else?
WENT = {
    "NetworkingStack": ["AWS::EC2::FlowLog", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress"],
    "RdsStack": ["AWS::SecretsManager::ResourcePolicy", "AWS::SecretsManager::RotationSchedule", "Transform"],
    "ServiceStack": ["AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress"],
}


def ask(deployment, path, stage="dev", key=None, body=None, method=None):
    """(status, headers, body) of the deployed API's answer."""
    request = urllib.request.Request(deployment.api_url(stage) + path, data=body, method=method)
    request.add_header("Content-Type", "text/csv")
    if key:
        request.add_header("x-api-key", key)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def seen(deployment, path, **more):
    """What the stand-in saw of a request."""
    status, _, body = ask(deployment, path, key=deployment.api_key(), **more)
    assert status == 200, body
    return json.loads(body)


def function_of(deployment):
    return deployment.emulator.client("lambda").get_function_configuration(
        FunctionName=deployment.application["FunctionName"])


def link_key(deployment):
    secret = deployment.emulator.client("secretsmanager").get_secret_value(SecretId="rowgate-dev-link-keys")
    return json.loads(secret["SecretString"])["k1"]


def listening(pid):
    """The addresses that a process listens on, IPv4 in the hexadecimal of /proc/net/tcp; IPv6 as well."""
    own = set()
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            own.add(str(link.readlink()))
        except FileNotFoundError:
            continue  # closed meanwhile
    rows = [line.split() for table in ("tcp", "tcp6")
            if (path := pathlib.Path(f"/proc/{pid}/net/{table}")).exists() for line in path.read_text().splitlines()[1:]]
    return [row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]


def test_only_known_types_are_taken_out(deployment):
    assert {stack: types for stack, types in deployment.went.items() if types} == WENT


def test_every_stack_is_made(deployment):
    described = deployment.emulator.client("cloudformation").describe_stacks()["Stacks"]
    states = {stack["StackName"]: stack["StackStatus"] for stack in described}
    assert states == {name: "CREATE_COMPLETE" for name in [*deployment.went, "CDKToolkit"]}


def test_the_emulator_listens_on_loopback_only(deployment):
    assert set(listening(deployment.emulator.pid)) == {"0100007F"}


@pytest.mark.parametrize("stage", ["dev", "staging", "qa"])
def test_every_stage_leads_to_the_function(deployment, stage):
    assert seen(deployment, "/first_sql_requirement", stage=stage)["path"] == "/first_sql_requirement"


@pytest.mark.parametrize("method, path", [
    ("POST", "/db_migration"), ("GET", "/first_sql_requirement"), ("GET", "/second_sql_requirement"), ("GET", "/v1"),
    ("GET", "/v1/runs"), ("DELETE", "/v1/links/lnk_1"), ("POST", "/v1/tables/jobs/loads"), ("GET", "/d/reports/lnk_1/a.csv"),
    ("GET", "/problems/csv.bad_quote"), ("OPTIONS", "/v1/tables/jobs/loads")])
def test_routes(deployment, method, path):
    answer = seen(deployment, path, method=method)
    assert (answer["method"], answer["path"]) == (method, path)


@pytest.mark.parametrize("path", ["/first_sql_requirement", "/v1/tables"])
def test_without_a_key_nothing_is_answered(deployment, path):
    status, headers, body = ask(deployment, path)
    assert (status, json.loads(body)) == (403, {"message": "Forbidden"})
    assert headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/d/reports/lnk_1/a.csv", "/problems/csv.bad_quote"])
def test_links_and_explanations_need_no_key(deployment, path):
    assert ask(deployment, path)[0] == 200


def test_a_preflight_needs_no_key(deployment):
    assert ask(deployment, "/v1/tables/jobs/loads", method="OPTIONS")[0] == 200


@pytest.mark.parametrize("method, path", [("GET", "/db_migration"), ("GET", "/nothing")])
def test_other_addresses_are_refused_by_the_gateway(deployment, method, path):
    status, _, body = ask(deployment, path, method=method, key=deployment.api_key())
    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})


def test_bodies_arrive_byte_for_byte(deployment):
    assert seen(deployment, "/db_migration?table=jobs", body=b"id,job\r\n1,\xff\r\n")["base64"] is True


def test_the_package_has_program_settings_and_certificates(deployment):
    assert seen(deployment, "/v1")["files"] == ["bootstrap", "rds-ca.pem", "rowgate.yaml"]


def test_the_function_is_told_where_everything_is(deployment):
    told = seen(deployment, "/v1")["environment"]
    outputs = deployment.application
    database = deployment.emulator.client("rds").describe_db_clusters()["DBClusters"][0]
    assert told == {
        "DATABASE_HOST": database["Endpoint"],
        "DATABASE_SECRET": "rowgate/dev/database",
        "FILES_URL": f"s3://{outputs['FilesBucket']}/rowgate",
        "LINK_KEY": link_key(deployment),
        "LINK_LIFE": "24h",
    }


def test_the_secrets_are_there(deployment):
    secrets = deployment.emulator.client("secretsmanager")
    user = json.loads(secrets.get_secret_value(SecretId="rowgate/dev/database")["SecretString"])
    assert user["username"] == "rowgate" and len(user["password"]) == 40
    assert len(link_key(deployment)) == 44 and link_key(deployment).isalnum()


def test_the_function_is_in_the_private_subnets_with_its_limits(deployment):
    function = function_of(deployment)
    assert (function["Timeout"], function["MemorySize"], function["EphemeralStorage"]["Size"]) == (300, 1024, 2048)
    subnets = deployment.emulator.client("ec2").describe_subnets()["Subnets"]
    private = {subnet["SubnetId"] for subnet in subnets
               if {"Key": "aws-cdk:subnet-name", "Value": "private"} in subnet["Tags"]}
    assert len(private) == 2
    assert set(function.get("VpcConfig", {}).get("SubnetIds", private)) == private


def test_the_bucket_is_versioned_and_closed(deployment):
    bucket, s3 = deployment.application["FilesBucket"], deployment.emulator.client("s3")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


def test_a_file_below_the_upload_prefix_starts_the_function_and_no_other_does(deployment):
    bucket, s3 = deployment.application["FilesBucket"], deployment.emulator.client("s3")
    for key in ("rowgate/sources/run_1.csv", "rowgate/reports/lnk_1/a.csv", "rowgate/uploads/jobs/upl_1/jobs.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"id,job\n1,Glazier\n")
    group = f"/aws/lambda/{deployment.application['FunctionName']}"
    for _ in range(100):  # the event comes by itself, shortly after
        events = deployment.emulator.client("logs").filter_log_events(logGroupName=group)["events"]
        arrived = [json.loads(event["message"])["event"] for event in events if event["message"].startswith('{"event"')]
        keys = [record["s3"]["object"]["key"] for event in arrived for record in event.get("Records", [])]
        if keys:
            break
        time.sleep(0.1)
    assert keys == ["rowgate/uploads/jobs/upl_1/jobs.csv"]


def test_every_stack_carries_the_tags(deployment):
    described = deployment.emulator.client("cloudformation").describe_stacks()["Stacks"]
    for stack in described:
        if stack["StackName"] in deployment.went:
            tags = {tag["Key"]: tag["Value"] for tag in stack["Tags"]}
            assert tags == {"ParentOrg": "Example Group", "Department": "People Operations", "App": "rowgate",
                            "Version": "0.1.0"}


def test_everything_goes_but_the_buckets(deployment):
    """The last one here: afterwards there are no stacks."""
    emulated.cdk(deployment.emulator, "destroy", "--all", "--force")
    described = deployment.emulator.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in described if "DELETE" not in stack["StackStatus"]] == ["CDKToolkit"]
    buckets = [bucket["Name"] for bucket in deployment.emulator.client("s3").list_buckets()["Buckets"]]
    assert deployment.application["FilesBucket"] in buckets
    assert deployment.emulator.client("lambda").list_functions()["Functions"] == []
