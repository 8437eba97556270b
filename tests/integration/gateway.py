"""Callbacks over HTTP: what is forged, altered, late, early or replayed does nothing and is told so; those who speak slowly, not at all, or in two
ways at once are survived.

  gateway.py --teller PATH [--only NAME]
"""
import argparse
import functools
import hashlib
import hmac
import http.client
import json
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import time
import uuid
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from client import Client  # noqa: E402
from jws import RsaKey, b64url, make_token  # noqa: E402
from node import Node  # noqa: E402

SECRET = "secret-of-callbacks-1"
OTHER_SECRET = "secret-of-callbacks-2"
AUDIENCE = "teller"
ISSUER = "https://bank.example"
WINDOW_S = 300
MARGIN_S = 5  # a test may take so long between two looks at the clock
CROWD = 2000
REQUEST_S = 10  # GATEWAY_REQUEST_MS
SLOW_S = 30  # a machine that is busy
JSON = "application/json"
JWT = "application/jwt"
CASES = []


def case(function):
    CASES.append(function)
    return function


@functools.cache
def key_of(seed):
    """Making one takes seconds."""
    return RsaKey.make(seed)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class GatewayNode(Node):
    """Two banks that nobody can reach: what matters here is what reaches us."""

    def __init__(self, program, *options):
        super().__init__(program, partitions=2)
        self.key = key_of(1)
        self.port = free_port()
        self.options += ["--banks", str(self.configuration()), "--gateway", f"127.0.0.1:{self.port}", *options]

    def file(self, name, text):
        path = self.scratch / name
        path.write_text(text, encoding="ascii")
        path.chmod(0o600)
        return {"file": str(path)}

    def configuration(self):
        own = key_of(2)
        kftc = {"client_id": "client", "client_secret": self.file("kftc.secret", "secret"), "institution": "M202600001",
                "account_num": "1101230000678", "account_name": "TELLER",
                "callback_secret": self.file("kftc.callbacks", SECRET)}
        obie = {"client_id": "client", "client_secret": self.file("obie.secret", "secret"), "issuer": "teller", "key_id": "1",
                "signing_key": self.file("obie.pem", own.private_pem()), "bank_key": self.file("bank.pem", self.key.public_pem()),
                "account": "UK.OBIE.SortCodeAccountNumber:08080021325698:TELLER", "audience": AUDIENCE, "bank_issuer": ISSUER}
        banks = [{"name": "kftc", "rail": "kftc", "url": "http://127.0.0.1:9", "settings": kftc},
                 {"name": "obie", "rail": "obie", "url": "http://127.0.0.1:9", "settings": obie}]
        path = self.scratch / "banks.json"
        path.write_text(json.dumps({"banks": banks, "allow_http": True}), encoding="ascii")
        return path

    def request(self, method, path, body=None, headers=None):
        """Status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SLOW_S)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def post(self, bank, door, body, headers):
        return self.request("POST", f"/banks/{bank}/{door}", body, headers)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), SLOW_S)

    def refusals(self):
        """Lines of the log about callbacks that were refused."""
        return len(re.findall(r"gateway: a callback of bank \w+ from 127\.0\.0\.1 is refused",
                              self.log.read_text(encoding="utf-8")))

    def digest(self):
        """Of the books."""
        return re.search(r"digest\S*\s+([0-9a-f]{64})", self.run("verify", "--data", self.data))[1]


def until(what, look, seconds=SLOW_S):
    give_up = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < give_up, what
        time.sleep(0.01)


# ---- the generic callback ---------------------------------------------------------------------------------------------


def callback(event=None, **more):
    return json.dumps({"event": event or str(uuid.uuid4()), "id": "M202600001U000000001", **more}).encode()


def signature(body, at, secret=SECRET):
    return "v1=" + hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def signed(body, at=None, secret=SECRET):
    at = int(time.time()) if at is None else at
    return {"Content-Type": JSON, "Teller-Timestamp": str(at), "Teller-Signature": signature(body, at, secret)}


def flipped(data, index):
    """One bit of one byte is another."""
    changed = bytearray(data)
    changed[index] ^= 1
    return bytes(changed)


@case
def a_good_callback_is_accepted_with_the_id_of_its_interaction(node):
    body = callback()
    status, headers, text = node.post("kftc", "callbacks", body, signed(body) | {"x-fapi-interaction-id": "93bac548-d2de"})
    assert (status, headers["x-fapi-interaction-id"], text) == (202, "93bac548-d2de", b""), (status, text)
    body = callback()
    assert uuid.UUID(node.post("kftc", "callbacks", body, signed(body))[1]["x-fapi-interaction-id"]).version == 4


@case
def a_signature_that_is_missing_wrong_or_of_another_body_is_refused(node):
    body, now = callback(), int(time.time())
    good = signed(body, now)
    text = good["Teller-Signature"]
    wrong = [({"Teller-Signature": None}, body), ({"Teller-Timestamp": None}, body),
             ({"Teller-Signature": "v1=" + "0" * 64}, body), ({"Teller-Signature": text.upper()}, body),
             ({"Teller-Signature": text[:-1]}, body), ({"Teller-Signature": text + "0"}, body),
             ({"Teller-Signature": text[3:]}, body), ({"Teller-Signature": ""}, body),
             ({"Teller-Signature": flipped(text.encode(), -1).decode()}, body),
             ({"Teller-Signature": signature(body, now, OTHER_SECRET)}, body),
             ({"Teller-Timestamp": str(now - 1)}, body), ({"Teller-Timestamp": f"0{now}"}, body)]
    wrong += [({}, flipped(body, index)) for index in (0, 10, len(body) // 2, len(body) - 1)]
    wrong += [({}, body[:-1]), ({}, body + b" ")]
    before = node.refusals()
    for number, (changes, sent) in enumerate(wrong):
        headers = {name: value for name, value in (good | changes).items() if value is not None}
        status, _, reply = node.post("kftc", "callbacks", sent, headers)
        assert status == 400 and json.loads(reply)["err"] in ("authentication_failed", "invalid_request"), (changes, sent, status)
        if number < 5:  # a line each, for so many in a while
            until("the line in the log", lambda: node.refusals() == before + number + 1)
    assert node.post("kftc", "callbacks", body, good)[0] == 202


@case
def the_window_is_so_wide_and_no_wider(node):
    now = int(time.time())
    for distance, status in ((-WINDOW_S + MARGIN_S, 202), (WINDOW_S, 202), (-WINDOW_S - 1, 400), (WINDOW_S + 2 * MARGIN_S, 400)):
        body = callback()
        found, _, reply = node.post("kftc", "callbacks", body, signed(body, int(time.time()) + distance))
        assert found == status, (distance, found, reply)
    assert int(time.time()) - now < MARGIN_S, "too slow to tell"


@case
def what_is_no_callback_is_refused_though_it_is_signed(node):
    for body in (b"", b"{}", b"[]", b"nothing", b'{"event": ""}', b'{"event": "e"}', b'{"event": 1, "id": "i"}',
                 b'{"event": "e", "event": "f", "id": "i"}', b'{"event": "a\\u0000b", "id": "i"}', b"[" * 30000,
                 b'{"event": "' + b"e" * 129 + b'", "id": "i"}'):
        assert node.post("kftc", "callbacks", body, signed(body))[0] == 400, body[:80]




@case
def one_that_is_replayed_is_accepted_and_changes_nothing_over_a_restart_too(node):
    digest = node.digest()
    body = callback()
    headers = signed(body)
    for _ in range(3):
        assert node.post("kftc", "callbacks", body, headers)[0] == 202
    node.kill()
    node.start()
    for _ in range(3):
        assert node.post("kftc", "callbacks", body, headers)[0] == 202
    assert node.digest() == digest


# ---- event notifications ----------------------------------------------------------------------------------------------


def event(at=None, **changes):
    at = int(time.time()) if at is None else at
    subject = {"subject_type": "http://openbanking.org.uk/rid_http://openbanking.org.uk/rty",
               "http://openbanking.org.uk/rid": "pmt-1", "http://openbanking.org.uk/rty": "domestic-payment",
               "http://openbanking.org.uk/rlk": [{"version": "v4.0", "link": f"{ISSUER}/domestic-payments/pmt-1"}]}
    claims = {"iss": ISSUER, "iat": at, "jti": str(uuid.uuid4()), "aud": AUDIENCE, "sub": f"{ISSUER}/domestic-payments/pmt-1",
              "txn": "t-1", "toe": at, "events": {"urn:uk:org:openbanking:events:resource-update": {"subject": subject}}}
    return {name: value for name, value in (claims | changes).items() if value is not None}


def notify(node, token, content_type=JWT):
    return node.post("obie", "event-notifications", token, {"Content-Type": content_type})[0]


@case
def a_signed_event_is_accepted_and_a_replayed_one_changes_nothing(node):
    token = make_token(node.key, event())
    assert notify(node, token) == 202 and notify(node, token) == 202
    node.kill()
    node.start()
    assert notify(node, token) == 202


@case
def an_event_that_is_not_of_the_bank_for_us_and_of_now_is_refused(node):
    now = int(time.time())
    good = make_token(node.key, event())
    head, payload, sign = good.split(".")
    none = b64url(b'{"alg":"none"}') + f".{payload}."
    public = node.key.public_pem().encode()
    mac_head = b64url(b'{"alg":"HS256","kid":"1"}')
    mac = b64url(hmac.new(public, f"{mac_head}.{payload}".encode(), hashlib.sha256).digest())
    wrong = [make_token(key_of(3), event()), none, f"{mac_head}.{payload}.{mac}", f"{head}.{payload}.", f"{head}.{payload}",
             "", "..", good + ".", f"{head}.{flipped(payload.encode(), 40).decode()}.{sign}",
             f"{head}.{payload}.{flipped(sign.encode(), 9).decode()}", f"{head}.{b64url(json.dumps(event()).encode())}.{sign}",
             make_token(node.key, event(aud="somebody")), make_token(node.key, event(aud=[])), make_token(node.key, event(aud=None)),
             make_token(node.key, event(iss="https://other.example")), make_token(node.key, event(iat=None)),
             make_token(node.key, event(iat=str(now))), make_token(node.key, event(jti=None)), make_token(node.key, event(events={})),
             make_token(node.key, event(now - WINDOW_S - 1)), make_token(node.key, event(now + WINDOW_S + 4 * MARGIN_S))]
    for token in wrong:
        assert notify(node, token) == 400, token
    assert notify(node, good, JSON) == 415 and notify(node, good) == 202
    for distance in (-WINDOW_S + 2 * MARGIN_S, WINDOW_S):
        assert notify(node, make_token(node.key, event(int(time.time()) + distance))) == 202, distance


@case
def only_doors_that_a_bank_has_are_open(node):
    body = callback()
    for path, status in (("/banks/obie/callbacks", 404), ("/banks/kftc/event-notifications", 404), ("/banks/none/callbacks", 404),
                         ("/banks/kftc", 404), ("/", 404), ("/banks/kftc/callbacks/", 404), ("/banks/%6bftc/callbacks", 404)):
        assert node.request("POST", path, body, signed(body))[0] == status, path
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = node.request(method, "/banks/kftc/callbacks")
        assert (status, headers["Allow"]) == (405, "POST"), (method, status)
    assert node.request("POST", "/banks/kftc/callbacks", b" " * 40000, signed(b""))[0] == 413


# ---- those who mean harm ----------------------------------------------------------------------------------------------


def heard(connection):
    """All that comes until the end."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


@case
def two_lengths_of_one_body_are_refused(node):
    body = callback()
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
    for lengths in ((len(body), len(body)), (len(body), 0), (0, len(body))):
        with node.connect() as connection:
            said = "".join(f"Content-Length: {length}\r\n" for length in lengths)
            connection.sendall(f"POST /banks/kftc/callbacks HTTP/1.1\r\nHost: h\r\n{headers}{said}\r\n".encode() + body)
            assert heard(connection).startswith(b"HTTP/1.1 400"), lengths
    with node.connect() as connection:
        connection.sendall(f"POST /banks/kftc/callbacks HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {len(body)}\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n".encode() + body)
        assert heard(connection).startswith(b"HTTP/1.1 400")


@case
def slow_heads_and_bodies_and_a_crowd_that_idles_are_sent_away(node):
    """All at once: the crowd fills every place that one address has, and the node serves its own clients all the while."""
    starts = {"head": b"POST /banks/kftc/callbacks HTTP/1.1\r\nHost: h\r\nX: ",
              "body": b"POST /banks/kftc/callbacks HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n",
              "nothing": b""}
    client = Client(node.endpoint)
    began, size = time.monotonic(), node.resident_bytes()
    slow = {name: node.connect() for name in starts}
    crowd = [node.connect() for _ in range(CROWD)]
    for name, connection in slow.items():
        connection.sendall(starts[name])
    while slow:
        assert time.monotonic() - began < REQUEST_S + SLOW_S, f"still open: {list(slow)}"
        assert client.call("health")[0] == "OK"
        readable, _, _ = select.select(list(slow.values()), [], [], 0.05)
        for name, connection in list(slow.items()):
            if connection in readable and heard(connection) == b"":
                slow.pop(name).close()
            elif name != "nothing":
                connection.send(b"x")
    for connection in crowd:
        assert heard(connection) == b""
        connection.close()
    assert node.request("GET", "/health")[0] == 200
    assert node.resident_bytes() < size + 128 * 2**20 or node.is_sanitized()
    client.close()


@case
def every_door_is_as_it_was_when_all_is_over(node):
    body = callback()
    assert node.post("kftc", "callbacks", body, signed(body))[0] == 202
    assert notify(node, make_token(node.key, event())) == 202


# ---- figures, health, TLS ---------------------------------------------------------------------------------------------


@case
def figures_are_those_of_the_command_and_health_tells_when_it_serves(node):
    status, headers, text = node.request("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers
    names = [line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")]
    told = [line.split()[2] for line in node.run("metrics", "--connect", node.endpoint, "--text").splitlines()
            if line.startswith("# TYPE")]
    assert set(names) <= set(told) and "teller_answers_total" in names, set(names) ^ set(told)
    status, _, text = node.request("GET", "/health")
    assert (status, json.loads(text)) == (200, {"status": "ok"})


@case
def with_a_certificate_it_speaks_tls_1_2_and_newer_and_nothing_else(node):
    openssl = shutil.which("openssl")
    if openssl is None:
        print("        skipped: there is no openssl program")
        return
    certificate, key = node.scratch / "cert.pem", node.scratch / "key.pem"
    subprocess.run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    with GatewayNode(node.program, "--gateway-certificate", str(certificate), "--gateway-key", str(key)) as other:
        good = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("127.0.0.1", other.port, timeout=SLOW_S, context=good)
        body = callback()
        connection.request("POST", "/banks/kftc/callbacks", body, signed(body))
        assert connection.getresponse().status == 202
        connection.close()
        with other.connect() as plain:
            plain.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            assert b"200 OK" not in heard(plain)
        old = ssl.create_default_context(cafile=str(certificate))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        try:
            old.wrap_socket(other.connect(), server_hostname="127.0.0.1")
            raise AssertionError("TLS 1.1 is spoken")
        except (ssl.SSLError, ConnectionError):
            pass


@case
def what_it_may_not_serve_on_is_told_at_the_start(node):
    for options in (["--gateway", "0.0.0.0:0"], ["--gateway", "nowhere"], ["--gateway", "127.0.0.1:0", "--gateway-key", "k"],
                    ["--gateway", "127.0.0.1:0", "--gateway-certificate", "/nowhere", "--gateway-key", "/nowhere"],
                    ["--gateway-key", "k"]):
        with_data = Node(node.program)
        result = with_data.try_run("serve", "--data", with_data.data, "--listen", "tcp://127.0.0.1:0", *options)
        with_data.destroy()
        assert result.returncode == 1 and "gateway" in result.stderr, (options, result)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--only")
    given = options.parse_args()
    failed = 0
    with GatewayNode(given.teller) as node:
        for function in CASES:
            if given.only and given.only != function.__name__:
                continue
            began = time.monotonic()
            try:
                function(node)
                print(f"ok      {function.__name__} {time.monotonic() - began:.1f} s", flush=True)
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                print(f"FAILED  {function.__name__}: {type(error).__name__}: {error}\n{node.stderr()}", flush=True)
        code = node.stop()
        if code != 0:
            failed += 1
            print(f"FAILED  the node ended with {code}\n{node.stderr()}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
