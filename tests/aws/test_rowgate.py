"""rowgate itself as the function behind the deployed REST API, beside a real MariaDB."""

import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

API_TEST = pathlib.Path(__file__).resolve().parent.parent / "api"


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def fetch(url, method="GET", body=None, **headers):
    """(status, headers, body) of an answer; redirects are not followed."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, method=method, headers={"Accept": "*/*", **named})
    try:
        with urllib.request.build_opener(NoRedirects).open(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def post(rest_api, path, body, media_type="application/json"):
    url, key = rest_api
    return fetch(url + path, "POST", body, X_Api_Key=key, Content_Type=media_type)


def test_the_api_test_holds(rest_api):
    url, key = rest_api
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", API_TEST, "--base-url", url,
                           "--key", key], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    print(done.stdout)
    assert done.returncode == 0, done.stdout[-8000:]


def test_a_file_that_is_put_into_the_bucket_is_loaded_by_itself(rest_api):
    url, key = rest_api
    status, _, body = post(rest_api, "/v1/sources", b'{"table": "jobs", "filename": "more.csv"}')
    assert status == 201, body
    source = json.loads(body)
    put = urllib.request.Request(source["url"], data=b"id,job\n9001,Saddler\n", method=source["method"],
                                 headers=source["headers"])
    with urllib.request.urlopen(put, timeout=30) as answer:
        assert answer.status == 200
    for _ in range(100):  # S3's event comes by itself, shortly after
        runs = json.loads(fetch(f"{url}/v1/runs?limit=5", X_Api_Key=key)[2])["items"]
        found = [run for run in runs if run["file"]["name"] == "more.csv" and run["status"] == "succeeded"]
        if found:
            break
        time.sleep(0.1)
    assert found and found[0]["rows"]["accepted"] == 1 and found[0]["table"] == "jobs", runs


def test_a_link_needs_no_key_and_ends_when_it_should(rest_api):
    made = time.time()
    status, _, body = post(rest_api, "/v1/reports/departments_above_mean/links", b'{"expires_in": 2}')
    assert status == 201, body
    link = json.loads(body)["url"]
    assert link.startswith(rest_api[0] + "/d/")
    status, headers, _ = fetch(link)
    assert status == 302
    assert fetch(headers["Location"])[2].startswith(b"id,department,hired\r\n")
    while time.time() < made + 3:
        time.sleep(0.1)
    assert fetch(link)[0] == 410
    assert fetch(headers["Location"])[0] == 403


def test_a_body_over_the_limit_is_told_the_way_out(rest_api):
    status, _, body = post(rest_api, "/v1/tables/jobs/loads", b"id,job\n" + b"1,x\n" * 1_200_000, "text/csv")
    assert status == 413 and b"POST /v1/sources" in body
