"""An independent judge of the bank simulator: Prism, with OBIE's published OpenAPI files, between a client and the bank. It refuses what the
specification does not allow, in requests and in replies; nothing may be refused.

  prism.py --bank PATH --teller PATH

First for the client of tests/lib; then for teller itself, whose remittances go through the judge, and whose gateway gets the bank's events through it.

TELLER_OBIE_SPEC names the folder of payment-initiation-openapi.json (or .yaml), vrp-openapi.json and event-notifications-openapi.json
(OpenBankingUK/read-write-api-specs, dist/openapi). Without it, or without npx, the test is skipped.
"""
import argparse
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from bank import OBIE, Bank, Obie, Receiver  # noqa: E402
from client import Client, new_id  # noqa: E402
from gateway import GatewayNode, until  # noqa: E402
from jws import RsaKey  # noqa: E402

PRISM = "@stoplight/prism-cli@5.14.2"
SKIPPED = 77
TIMEOUT_S = 60
PAYER, PAYEE = "11223312345678", "44556687654321"


class Prism:
    """A proxy that judges what goes through it. What a client of a bank needs of it is as of Bank."""

    def __init__(self, specification, upstream):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(["npx", "--yes", PRISM, "proxy", "--errors", "--host", "127.0.0.1", "--port", str(self.port),
                                         str(specification), upstream],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        start_new_session=True)
        for line in self.process.stdout:
            if "Prism is listening" in line:
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.stdout.close()
        self.process.wait(TIMEOUT_S)

    def request(self, method, path, body=None, headers=None, timeout_s=TIMEOUT_S):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            reply = response.read()
        finally:
            connection.close()
        if b"stoplight.io/prism/errors" in reply:
            raise ValueError(f"{method} {path}: {reply.decode()}")
        return response.status, response.headers, reply


def specification(folder, name):
    """None: it is not there."""
    found = [folder / f"{name}-openapi.{kind}" for kind in ("json", "yaml")]
    return next((path for path in found if path.exists()), None)


def client(bank, prism, key):
    """A client behind the judge, with a token got outside of it: tokens are not in the specification. Nor is what comes before its paths."""
    judged = Obie(prism, key, prefix="")
    direct = Obie(bank)
    direct.get_token()
    judged.token = direct.token
    return judged


def is_refused(call):
    try:
        call()
    except ValueError:
        return True
    return False


def payments_are_as_published(bank, prism, key):
    obie = client(bank, prism, key)
    consent = obie.consent(PAYEE, "5.00")
    assert obie.call("GET", "/domestic-payment-consents/" + consent)[0] == 200
    bank.rules([{"step": "push", "do": "processing", "inquiries": 1, "count": 1}])
    status, reply, _, _ = obie.push(consent, PAYEE, "5.00", "key-1")
    assert (status, reply["Data"]["Status"]) == (201, "PDNG")
    name = reply["Data"]["DomesticPaymentId"]
    assert [obie.call("GET", "/domestic-payments/" + name)[1]["Data"]["Status"] for _ in range(2)] == ["PDNG", "ACCC"]
    assert obie.push(consent, PAYEE, "5.00", "key-1")[0] == 201
    bank.rules([{"step": "push", "do": "refused", "count": 1}])
    assert obie.push(obie.consent(PAYEE, "6.00"), PAYEE, "6.00")[1]["Data"]["Status"] == "RJCT"
    bank.rules([{"step": "push", "do": "refused", "code": "U009", "count": 1}, {"step": "inquiry", "do": "token_refused", "count": 1},
                {"step": "inquiry", "do": "busy", "count": 1}])
    assert obie.push(obie.consent(PAYEE, "7.00"), PAYEE, "7.00")[0] == 400
    assert [obie.call("GET", "/domestic-payments/" + name)[0] for _ in range(2)] == [401, 429]
    assert obie.call("GET", "/domestic-payments/nothing")[0] == 400


def mandates_are_as_published(bank, prism, key):
    obie = client(bank, prism, key)
    consent = obie.mandate(PAYER)
    assert obie.call("GET", "/domestic-vrp-consents/" + consent)[0] == 200
    status, reply, _, _ = obie.pull(consent, PAYER, "1.00", "key-2")
    assert (status, reply["Data"]["Status"]) == (201, "ACCC")
    assert obie.call("GET", "/domestic-vrps/" + reply["Data"]["DomesticVRPId"])[0] == 200
    assert obie.pull(consent, PAYER, "2.00", "key-2")[0] == 400
    bank.rules([{"step": "pull", "do": "refused", "count": 1}])
    assert obie.pull(consent, PAYER, "1.00")[1]["Data"]["Status"] == "RJCT"


def the_judge_judges(bank, prism, key):
    obie = client(bank, prism, key)
    bank.rules([{"step": "consent", "do": "error_body", "when": "after", "count": 1}])
    assert is_refused(lambda: obie.call("GET", "/domestic-payment-consents/1"))
    assert is_refused(lambda: obie.call("POST", "/domestic-payment-consents", {"Data": {}}))


def events_are_as_published(bank, judge):
    """The bank posts through the judge, who would refuse; direct: without it."""
    with Receiver() as receiver, Prism(judge, receiver.url) as prism:
        bank.webhooks(notify=prism.url + "/event-notifications")
        obie = Obie(bank)
        obie.pull(obie.mandate(PAYER), PAYER, "1.00")
        post = receiver.take()
        assert post.path == "/event-notifications"
        while (figures := bank.figures()["webhooks"])["waiting"] > 0:
            assert figures["repeated"] == 0, figures
        bank.webhooks(notify=None)


# ---- teller's own requests ----


class Crossing:
    """One address for what has one in the world and several here: tokens go to the bank, each specification's paths to its judge. refused: what the
    judges have said."""

    def __init__(self, bank, payments, mandates):
        self.refused, self.count = [], 0
        crossing = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def cross(self):
                path = self.path.removeprefix(OBIE)
                to = bank if path == "/token" else mandates if path.startswith("/domestic-vrp") else payments
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
                try:
                    status, replied, reply = to.request(self.command, path, self.rfile.read(length) or None, headers)
                except ValueError as judgement:
                    crossing.refused.append(str(judgement))
                    status, replied, reply = 500, {}, b""
                crossing.count += to is not bank
                self.send_response(status)
                for name, value in replied.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = cross

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def configure(node, bank, url):
    path = node.scratch / "banks.json"
    banks = json.loads(path.read_text(encoding="ascii"))
    banks["banks"] = [found for found in banks["banks"] if found["name"] == "obie"]
    banks["banks"][0]["url"] = url
    banks["banks"][0]["settings"] |= {"audience": "client", "bank_issuer": bank.url}
    path.write_text(json.dumps(banks), encoding="ascii")


def remit(client, amount):
    return client.expect_ok("remittance.open", {
        "transaction_id": new_id(), "account": "ann", "amount": amount, "currency": "GBP", "bank": "obie",
        "payer": f"mandate-1@UK.OBIE.SortCodeAccountNumber:{PAYER}:A PAYER",
        "payee": f"UK.OBIE.SortCodeAccountNumber:{PAYEE}:A PAYEE"})["remittance"]


def wait_for(client, remittance, states):
    def look():
        return client.expect_ok("remittance.show", {"account": "ann", "remittance": remittance})["state"] in states
    until(f"{states}", look, TIMEOUT_S)


def tellers_requests_are_as_published(program, bank_program, files):
    node = GatewayNode(program)
    (node.scratch / "signing.pem").write_text(node.key.private_pem(), encoding="ascii")
    with Bank(bank_program, "--signing-key", node.scratch / "signing.pem", "--settle-ms", 200, "--opening-balance", 10**9) as bank, \
            Prism(files["payment-initiation"], bank.url) as payments, Prism(files["vrp"], bank.url) as mandates, \
            Prism(files["event-notifications"], f"http://127.0.0.1:{node.port}/banks/obie") as events:
        crossing = Crossing(bank, payments, mandates)
        configure(node, bank, crossing.url)
        bank.webhooks(notify=events.url + "/event-notifications")
        node.start()
        client = Client(node.endpoint)
        client.expect_ok("account.open", {"account": "ann", "owner": "ann", "currency": "GBP"})
        wait_for(client, remit(client, 1234), ["COMPLETED"])
        bank.rules([{"step": "push", "do": "refused", "code": "AC01", "count": 1}])
        wait_for(client, remit(client, 2000), ["REFUNDED"])
        bank.rules([{"step": "push", "do": "status", "when": "after", "count": 1}, {"step": "consent", "do": "token_refused", "count": 1}])
        wait_for(client, remit(client, 3000), ["COMPLETED"])
        moved = sorted((entry["direction"], entry["amount"]) for entry in bank.ledger())
        figures = bank.figures()["webhooks"]
        client.close()
        node.destroy()
        crossing.close()
    # Nothing is refused but what the bank was told to say wrongly.
    assert len(crossing.refused) == 1 and "text/plain" in crossing.refused[0] and crossing.count > 10, crossing.refused
    assert moved == [("in", 1234), ("in", 2000), ("in", 3000), ("out", 1234), ("out", 2000), ("out", 3000)], moved
    assert figures["delivered"] > 0 and figures["dropped"] == 0, figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", required=True)
    parser.add_argument("--teller")
    options = parser.parse_args()
    folder = os.environ.get("TELLER_OBIE_SPEC")
    if not folder or shutil.which("npx") is None:
        print("skipped: TELLER_OBIE_SPEC names no folder, or there is no npx")
        sys.exit(SKIPPED)
    files = {name: specification(Path(folder), name) for name in ("payment-initiation", "vrp", "event-notifications")}
    if None in files.values():
        print(f"skipped: {json.dumps({name: str(path) for name, path in files.items()})}")
        sys.exit(SKIPPED)
    key = RsaKey.make(seed=3)
    with Bank(options.bank) as bank:
        with Prism(files["payment-initiation"], bank.url) as prism:
            payments_are_as_published(bank, prism, key)
            bank.rules([])
            the_judge_judges(bank, prism, key)
            bank.rules([])
        with Prism(files["vrp"], bank.url) as prism:
            mandates_are_as_published(bank, prism, key)
            bank.rules([])
        events_are_as_published(bank, files["event-notifications"])
    if options.teller:
        tellers_requests_are_as_published(options.teller, options.bank, files)
    print("prism: nothing was refused")


if __name__ == "__main__":
    main()
