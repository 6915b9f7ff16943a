"""A small AWS Secrets Manager: GetSecretValue for requests that are signed as AWS wants them (signature version 4), else the
errors that AWS answers. The signature is computed here anew from the request as it came, by AWS's description alone.
"""

import datetime
import hashlib
import hmac
import http.server
import json
import threading

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "of/a+role=="
REGION, SERVICE = "eu-west-1", "secretsmanager"
VARIABLES = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN, "AWS_REGION": REGION}


def hmac_sha256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def fault_of(method, path, headers, body):
    """What is wrong with the signature of a request, or None."""
    scheme, _, rest = headers.get("Authorization", "").partition(" ")
    if scheme != "AWS4-HMAC-SHA256":
        return "MissingAuthenticationToken"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    key, date, region, service, end = parts["Credential"].split("/")
    names = parts["SignedHeaders"].split(";")
    time = headers["X-Amz-Date"]
    if key != KEY or headers.get("X-Amz-Security-Token") != TOKEN:
        return "UnrecognizedClientException"
    if (date, region, service, end) != (time[:8], REGION, SERVICE, "aws4_request"):
        return "InvalidSignatureException"
    age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.strptime(time + "+0000", "%Y%m%dT%H%M%SZ%z")
    must = {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"}
    if abs(age.total_seconds()) > 300 or names != sorted(names) or not must <= set(names):
        return "InvalidSignatureException"
    lines = [method, path, ""] + [f"{name}:{' '.join(headers[name].split())}" for name in names]
    canonical = "\n".join([*lines, "", ";".join(names), hashlib.sha256(body).hexdigest()])
    scope = f"{date}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing = hmac_sha256(hmac_sha256(hmac_sha256(hmac_sha256(b"AWS4" + SECRET.encode(), date), region), service), end)
    expected = hmac_sha256(signing, to_sign).hex()
    return None if hmac.compare_digest(expected, parts["Signature"]) else "InvalidSignatureException"


class SecretsManager:
    """`secrets`: name -> text. `denied`: names that these credentials may not read. `broken`: so many next requests get 500."""

    def __init__(self):
        self.secrets, self.denied, self.broken, self.asked = {}, set(), 0, []
        manager = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = manager.answer(self.path, self.headers, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path, headers, body):
        fault = fault_of("POST", path, headers, body)
        name = json.loads(body)["SecretId"]
        self.asked.append(name)
        if self.broken > 0:
            self.broken -= 1
            return 500, {"__type": "InternalServiceError"}
        if fault:
            return 400, {"__type": fault, "message": "The request signature does not fit."}
        if headers["X-Amz-Target"] != "secretsmanager.GetSecretValue" or headers["Content-Type"] != "application/x-amz-json-1.1":
            return 400, {"__type": "UnknownOperationException"}
        if name in self.denied:
            return 400, {"__type": "AccessDeniedException", "Message": "not authorized to perform GetSecretValue"}
        if name not in self.secrets:
            return 400, {"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret."}
        return 200, {"ARN": f"arn:aws:secretsmanager:{REGION}:111122223333:secret:{name}-a1b2c3", "Name": name,
                     "VersionId": "EXAMPLE1-90ab-cdef-fedc-ba987EXAMPLE", "VersionStages": ["AWSCURRENT"],
                     "CreatedDate": 1.523477145713E9, "SecretString": self.secrets[name]}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
