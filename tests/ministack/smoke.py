"""Deploys the template onto ministack and sends it what Meta would send.

What ministack does not know, or does otherwise than AWS, is met here and not in the template:

- it has no saved queries (AWS::Logs::QueryDefinition), so those are left out;
- it starts a function anew for each call and drops what it writes to stdout, so a program that is packed here writes its
  log to a file;
- it may hand a function the same event once more before it ends it, which the product has to bear anyway;
- it takes requests for the API by their `Host`, under a name of its own.

It gives queues no dead-letter queue and limits no route, so nothing is shown of either.
"""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import boto3
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTIONS = ["ingest", "processor", "scheduler", "console"]
FORM = "700000000000001"
# Enough for a lease to end and for the next `wake`, should ministack end a processor that has begun anew.
PATIENCE = 200
ANSWERS = {"full_name": "Olena Koval", "phone_number": "+380995550147", "what_is_broken?": "Screen"}


def say(what):
    print(f"ok: {what}", flush=True)


def until(what, seconds, is_so, why=str):
    """Waits until it is so, or says why it is not."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"{what}: not within {seconds} s {why()}"
        time.sleep(0.1)


def send(url, body=None, method=None, **headers):
    """The status and the body of the answer. JSON is sent as such, bytes as they are."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, {"content-type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def read(path):
    return path.read_text(errors="replace") if path.exists() else ""


def good(answer):
    status, text = answer
    assert 200 <= status < 300, f"{status} {text}"
    return json.loads(text or "null")


@contextlib.contextmanager
def process(*command, **options):
    """A program and whatever it starts, for as long as it is needed."""
    child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **options)
    try:
        yield child
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def issuer(client):
    """An OpenID Connect issuer that signs one token. Yields its address and the token."""
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_numbers()

    def encoded(data):
        return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(documents.get(self.path)).encode()
            self.send_response(200 if self.path in documents else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    documents = {
        "/.well-known/openid-configuration": {
            "issuer": url, "authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token", "jwks_uri": f"{url}/keys",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        "/keys": {"keys": [{
            "kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256",
            "n": encoded(public.n.to_bytes(256, "big")), "e": encoded(public.e.to_bytes(3, "big")),
        }]},
    }
    now = int(time.time())
    claims = {"iss": url, "aud": client, "sub": "olena", "iat": now, "exp": now + 3600}
    signed = f"{encoded({'alg': 'RS256', 'kid': '1'})}.{encoded(claims)}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield url, f"{signed}.{encoded(signature)}"
    finally:
        server.shutdown()


def pack(programs, place):
    """The functions as AWS takes them, but for their log."""
    place.mkdir()
    for name in FUNCTIONS:
        program = place / name
        # Half of a debug build is for debuggers.
        subprocess.run(["strip", "-o", program, programs / name], check=True)
        with zipfile.ZipFile(place / f"{name}.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            packed.write(program, "program")
            start = zipfile.ZipInfo("bootstrap")
            start.external_attr = 0o100755 << 16
            packed.writestr(start, '#!/bin/sh\nexec "$LAMBDA_TASK_ROOT/program" >>"$FUNCTIONS_LOG" 2>&1\n')
        program.unlink()
    return place


def start_sandbox(stack, programs, log):
    """The simulators, and what they are to be told. The sandbox's own installation stays empty and is not used."""
    command = [programs / "sandbox", "--port", "0", "--demo-leads", "0"]
    child = stack.enter_context(process(*command, stdout=subprocess.PIPE, stderr=log, text=True))
    said = ""
    while "Ctrl-C" not in said:
        line = child.stdout.readline()
        assert line, f"the sandbox ended: {said}"
        said += line
    names = ["RemOnline", "Meta", "API key", "Page id", "Page token"]
    return [re.search(rf"{name} +(\S+)", said)[1] for name in names]


def start_ministack(stack, work, log):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    # Nothing that is set for an account of one's own gets as far as here.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        AWS_ENDPOINT_URL=url, AWS_REGION="eu-central-1", AWS_DEFAULT_REGION="eu-central-1", AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test", AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null",
        AWS_EC2_METADATA_DISABLED="true", NO_PROXY="*", no_proxy="*", TMPDIR=str(work),
        FUNCTIONS_LOG=str(work / "functions.log"),
    )
    own = {
        "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "localhost", "GATEWAY_PORT": str(port), "STATE_DIR": str(work),
        "IOT_MTLS_ENABLED": "0",  # it would listen on every interface
    }
    child = stack.enter_context(process("ministack", env={**os.environ, **own}, stdout=log, stderr=log))

    def answers():
        assert child.poll() is None, "ministack ended"
        with contextlib.suppress(OSError):
            return send(f"{url}/_ministack/health")[0] == 200

    until("ministack answers", 30, answers)
    return url, port


def deploy(work, zips, **parameters):
    """The template, deployed as people do it. Returns the physical names of its resources."""
    template = (ROOT / "infra/template.yaml").read_text()
    template = re.sub(r"(?m)^  \w+:\n    Type: AWS::Logs::QueryDefinition\n(?:    .*\n|\n)+", "", template)
    known = work / "template.yaml"
    known.write_text(template)
    boto3.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    given = [f"{name}={value}" for name, value in parameters.items()]
    done = subprocess.run(
        [ROOT / "infra/deploy", "smoke", "artifacts", *given], env={**os.environ, "TEMPLATE": str(known), "ZIPS": str(zips)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )
    assert done.returncode == 0, f"infra/deploy: {done.stdout}"
    cloudformation = boto3.client("cloudformation")
    status = cloudformation.describe_stacks(StackName="smoke")["Stacks"][0]["StackStatus"]
    assert status == "CREATE_COMPLETE", status
    resources = cloudformation.describe_stack_resources(StackName="smoke")["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def smoke(stack, work, log):
    programs = pathlib.Path(os.environ["BIN"])
    remonline, meta, api_key, page, page_token = start_sandbox(stack, programs, log)
    url, port = start_ministack(stack, work, log)
    zips = pathlib.Path(os.environ["ZIPS"]) if os.environ.get("ZIPS") else pack(programs, work / "functions")
    issuer_url, token = stack.enter_context(issuer("console"))

    app_secret, verify_token = secrets.token_hex(16), secrets.token_hex(16)
    ssm = boto3.client("ssm")
    for name, value in [("facebook-app-secrets", app_secret), ("facebook-verify-token", verify_token)]:
        ssm.put_parameter(Type="SecureString", Name=f"/remonline-leads/{name}", Value=value)
    made = deploy(work, zips, GraphApiUrl=meta, RemonlineApiUrl=remonline, OidcIssuer=issuer_url, OidcClientId="console")
    say(f"the stack is there, with {len(made)} resources")

    host = f"{made['HttpApi']}.execute-api.localhost:{port}"

    def webhook(query="", body=None, **headers):
        return send(f"{url}/facebook/webhook{query}", body, host=host, **headers)

    def console(path, body=None, method=None):
        return send(f"{url}{path}", body, method, host=host, authorization=f"Bearer {token}")

    def simulated(api, path, body=None):
        return good(send(urllib.parse.urljoin(api, f"/_sim/{path}"), body))

    def in_remonline():
        state = simulated(remonline, "state")
        return state["people"], state["orders"]

    ask = "?hub.mode=subscribe&hub.challenge=1907342211&hub.verify_token="
    assert webhook(ask + verify_token) == (200, "1907342211")
    assert webhook(ask + "wrong")[0] == 403
    say("ingest answers Meta's question by the word in SSM, and no other")

    assert send(f"{url}/api/connections", host=host)[0] == 401
    good(console("/api/connections", {"id": "shop", "kind": "remonline", "title": "Shop", "api_key": api_key}))
    good(console("/api/connections", {"id": "page", "kind": "facebook", "title": "Page", "page_id": page, "page_token": page_token}))
    good(console("/api/bundles", {
        "id": "screens", "title": "Screens", "source": {"connection": "page", "form_id": FORM},
        "client": {"connection": "shop", "fields": {"first_name": "{{ contact.first_name }}", "phone": "{{ contact.phone }}"}},
        "order": {"fields": {"branch_id": 15001, "order_type_id": 21001, "malfunction": "{{ answers['what_is_broken?'] }}"}},
    }))
    good(console("/api/bundles/screens/start", method="POST"))
    say("the console lets in by the issuer's token alone; two connections are tried and kept, a bundle is started")

    people, orders = in_remonline()
    assert not orders
    lead, forged = (simulated(meta, "leads", {"form_id": FORM, "answers": ANSWERS, "deliver": False})["id"] for _ in range(2))

    def notice(lead, secret):
        value = {"leadgen_id": lead, "page_id": page, "form_id": FORM, "created_time": int(time.time())}
        entry = {"id": page, "time": int(time.time()), "changes": [{"field": "leadgen", "value": value}]}
        body = json.dumps({"object": "page", "entry": [entry]}).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return webhook(body=body, x_hub_signature_256=f"sha256={signature}")[0]

    def job(name):
        answer = boto3.client("lambda").invoke(FunctionName=made["SchedulerFunction"], Payload=json.dumps({"job": name}))
        assert "FunctionError" not in answer, f"{name}: {answer['Payload'].read().decode()}"

    assert notice(forged, "wrong") == 401
    assert notice(lead, app_secret) == 200

    def transaction():
        return good(console(f"/api/transactions/screens/{lead}"))

    def history():
        return console("/api/transactions")[1]

    until("the lead is an order", PATIENCE, lambda: in_remonline()[1], history)
    until("the lead is done", 30, lambda: transaction()["state"] == "done", history)
    done = transaction()
    now_people, now_orders = in_remonline()
    client = [person for person in now_people if person not in people]
    assert [person["id"] for person in client] == [done["client_id"]], client
    assert [order["id"] for order in now_orders] == [done["order_id"]], now_orders
    assert now_orders[0]["manager_notes"].endswith(f"[fb:{lead}:screens]"), now_orders
    say("a signed webhook is one client and one order; a forged one is refused")

    assert notice(lead, app_secret) == 200
    sqs, queue = boto3.client("sqs"), made["LeadQueue"]
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def is_empty():
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"]
        return all(attributes[count] == "0" for count in counts)

    until("the queue is empty", 60, is_empty)
    for name in ["wake", "check", "audit"]:
        job(name)
    assert [item["leadgen_id"] for item in json.loads(history())["items"]] == [lead]
    assert in_remonline() == (now_people, now_orders)
    say("the same webhook again, and the jobs wake, check and audit, make nothing more")

    # Meta has the other lead, whose webhook was refused.
    job("reconcile")
    until("the other lead is an order", PATIENCE, lambda: len(in_remonline()[1]) == 2, history)
    assert in_remonline()[0] == now_people
    say("the job reconcile finds the lead whose webhook was refused: an order of the same client")
    assert '"level":"ERROR"' not in read(work / "functions.log")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="remonline-leads-") as work, contextlib.ExitStack() as stack:
        work = pathlib.Path(work)
        with open(work / "emulator.log", "wb") as log:
            try:
                smoke(stack, work, log)
            except BaseException:
                stack.close()
                for path in sorted(work.glob("*.log")):
                    print(f"--- {path.name}", read(path), sep="\n", file=sys.stderr)
                raise


main()
