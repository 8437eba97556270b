"""An independent judge of the bank simulator: Prism, with OBIE's published OpenAPI files, between a client and the bank. It refuses what the
specification does not allow, in requests and in replies; nothing may be refused.

  prism.py --bank PATH

TELLER_OBIE_SPEC names the folder of payment-initiation-openapi.json (or .yaml), vrp-openapi.json and event-notifications-openapi.json
(OpenBankingUK/read-write-api-specs, dist/openapi). Without it, or without npx, the test is skipped.
"""
import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from bank import Bank, Obie, Receiver  # noqa: E402
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
    print("prism: nothing was refused")


if __name__ == "__main__":
    main()
