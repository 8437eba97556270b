"""A node that sends money on through a bank of teller-bank's, by both rails, and what a test looks at: remittances, banks, accounts.

    keys = Keys(directory)
    with Bank(program_of_bank, *keys.options) as bank, BankNode(program, bank, keys) as node:
        remittance = node.remit("kftc", payer, payee, 1000)
        node.until_state(remittance, "COMPLETED")
"""
import json
import os
import socket
import time
from pathlib import Path

from client import Client, new_id
from jws import RsaKey
from node import Node

WAIT_S = 30
SORT_CODE = "UK.OBIE.SortCodeAccountNumber"
OUR_ACCOUNT = "08080021325698"
CALLBACK_SECRET = "callbacks-are-signed-with-this"
CURRENCIES = {"kftc": "KRW", "gb": "GBP"}
# Everything quick: a test waits for what happens, not for what is scheduled.
TERMS = {"--remittance-retry-ms": 30, "--remittance-tries": 2, "--remittance-rounds": 1, "--remittance-round-ms": 60}
LIMITS = {"timeout_ms": 1500, "ask_timeout_ms": 3000, "inquiry_first_ms": 50, "inquiry_max_ms": 400, "grace_ms": 300,
          "circuit_failures": 1000, "circuit_first_ms": 100, "circuit_max_ms": 400}
ENDS = ("COMPLETED", "REFUNDED", "FAILED", "CANCELLED", "RESOLVED")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Keys:
    """Of the bank, and of its client, as files; and what the bank is to be started with."""

    def __init__(self, directory):
        self.bank, self.client = RsaKey.make(seed=1), RsaKey.make(seed=2)
        texts = {"bank.pem": self.bank.private_pem(), "bank.pub.pem": self.bank.public_pem(),
                 "client.pem": self.client.private_pem(), "client.pub.pem": self.client.public_pem()}
        self.paths = {name: Path(directory) / name for name in texts}
        for name, text in texts.items():
            self.paths[name].write_text(text, encoding="ascii")
        self.options = ["--client-key", self.paths["client.pub.pem"], "--signing-key", self.paths["bank.pem"],
                        "--callback-secret", CALLBACK_SECRET, "--client-id", "client", "--client-secret", "secret"]


class BankNode(Node):
    def __init__(self, program, bank, keys, limits=None, terms=None, **options):
        super().__init__(program, **options)
        self.bank, self.keys = bank, keys
        self.accounts = {}
        self.config = self.scratch / "banks.json"
        self.gateway = f"127.0.0.1:{free_port()}"
        self.config.write_text(json.dumps(self._banks(LIMITS | (limits or {}))), encoding="ascii")
        self.options += ["--banks", str(self.config), "--gateway", self.gateway]
        for name, value in (TERMS | (terms or {})).items():
            self.options += [name, str(value)]

    def _secret(self, name, text):
        path = self.scratch / name
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(text + "\n")
        return {"file": str(path)}

    def _banks(self, limits):
        shared = {"client_id": "client", "client_secret": self._secret("secret", "secret"),
                  "callback_secret": self._secret("callback", CALLBACK_SECRET)}
        kftc = {"institution": "M202600001", "account_num": "1101230000678", "account_name": "TELLER"}
        gb = {"issuer": "teller", "key_id": "1", "signing_key": {"file": str(self.keys.paths["client.pem"])},
              "bank_key": {"file": str(self.keys.paths["bank.pub.pem"])}, "account": f"{SORT_CODE}:{OUR_ACCOUNT}:A NAME", "vrp_type": "UK.OBIE.VRPType.Sweeping", "audience": "client"}
        return {"allow_http": True, "banks": [
            {"name": "kftc", "rail": "kftc", "url": self.bank.url, "settings": shared | kftc, **limits},
            {"name": "gb", "rail": "obie", "url": self.bank.url, "settings": shared | gb, **limits}]}

    # ---- asking ----

    def call(self, operation, body=None, code="OK"):
        with Client(self.endpoint) as client:
            found, reply = client.call(operation, body)
        assert found == code, f"{operation} {body}: {found} {reply}"
        return reply

    def until(self, what, look):
        """Asks until there is an answer that is true, and returns it."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{what}: not within {WAIT_S} s\n{self.call('remittance.list', {})}\n{self.call('bank.calls', {})}\n{self.stderr()}")

    def account(self, currency):
        """One of its own for each currency."""
        if currency not in self.accounts:
            name = f"clearing-{currency}"
            self.call("account.open", {"account": name, "owner": "ann", "currency": currency})
            self.accounts[currency] = name
        return self.accounts[currency]

    def balance(self, account):
        return self.call("balance", {"account": account})["balance"]

    # ---- remittances ----

    def remit(self, bank, payer, payee, amount, refund="rail"):
        """Requests one; what remittance.show is asked with."""
        currency = CURRENCIES[bank]
        account, remittance = self.account(currency), new_id()
        self.call("remittance.open", {"transaction_id": remittance, "account": account, "amount": amount, "currency": currency,
                                      "bank": bank, "payer": payer, "payee": payee, "refund": refund, "memo": "rent"})
        return {"account": account, "remittance": remittance}

    def show(self, remittance):
        return self.call("remittance.show", remittance)

    def until_state(self, remittance, *states):
        def look():
            found = self.show(remittance)
            assert found["state"] not in ENDS or found["state"] in states, found
            return found["state"] in states and found

        return self.until(f"{remittance} is {states}", look)

    def states(self, remittance):
        """Of its trail, each once in order."""
        found = [entry["state"] for entry in self.show(remittance)["trail"]]
        return [state for i, state in enumerate(found) if i == 0 or found[i - 1] != state]
