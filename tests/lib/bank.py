"""A bank under test: the program teller-bank on a free port, ended by its own pid; clients of its two rails; and a server that takes its
webhooks.

    with Receiver() as receiver, Bank(program, "--callback", receiver.url + "/callbacks", "--callback-secret", "s") as bank:
        bank.rules([{"step": "push", "do": "timeout", "when": "after", "count": 1}])
        kftc = Kftc(bank)
        kftc.pull("1" * 24, 1000)
        receiver.take()                  # the next post
        bank.ledger()                    # what was really paid
"""
import hashlib
import hmac
import http.server
import json
import queue
import ssl
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import quote, urlencode

from jws import sign_detached
from sim_server import TIMEOUT_S, SimServer

KST = timezone(timedelta(hours=9))
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json; charset=utf-8"}
OBIE = "/open-banking/v4.0/pisp"


class Bank(SimServer):
    def __init__(self, program, *options, ca_file=None, prefix=()):
        """prefix: words between the program and its options, ["bank"] for teller itself."""
        super().__init__(program, *prefix, "--quiet", *options, ca_file=ca_file)

    def accounts(self, accounts):
        self.admin("accounts", accounts)

    def account(self, name):
        """None: it was never named."""
        found = self.admin("accounts?account=" + quote(name))["accounts"]
        return found[0] if found else None

    def outage(self, seconds, how="status"):
        self.admin("outage", {"seconds": seconds, "how": how})

    def webhooks(self, **urls):
        """notify=…, callback=…: a URL, or None for nowhere."""
        self.admin("webhooks", urls)

    def log(self, after=0):
        return self.admin(f"log?after={after}")["requests"]

    def ledger(self):
        """All of it."""
        entries, after = [], 0
        while after is not None:
            page = self.admin(f"ledger?after={after}")
            entries += page["entries"]
            after = page["next"]
        return entries

    def statement(self, first=None, last=None, form="json"):
        """The entries of some days, or with form="csv" the text."""
        days = {"from": first, "to": last, "format": form}
        path = "/admin/statement?" + urlencode({key: value for key, value in days.items() if value})
        status, _, body = self.request("GET", path)
        assert status == 200, body
        return body.decode() if form == "csv" else json.loads(body)["entries"]

    def figures(self):
        return self.admin("figures")


# ---- KFTC ----


class Kftc:
    """A client of KFTC open banking. Replies are (HTTP status, JSON or None)."""

    def __init__(self, bank, institution="M202600001", account="1101230000678"):
        self.bank, self.institution, self.contract = bank, institution, account
        self.serial = 0
        self.token = None

    def get_token(self):
        fields = {"client_id": "client", "client_secret": "secret", "scope": "oob", "grant_type": "client_credentials"}
        status, _, body = self.bank.request("POST", "/oauth/2.0/token", urlencode(fields), FORM)
        reply = json.loads(body)
        self.token = reply.get("access_token")
        return status, reply

    def new_id(self):
        self.serial += 1
        return f"{self.institution}U{self.serial:09d}"

    def now(self):
        return datetime.now(KST).strftime("%Y%m%d%H%M%S")

    def today(self):
        return self.now()[:8]

    def post(self, path, fields, timeout_s=TIMEOUT_S):
        if self.token is None:
            self.get_token()
        headers = dict(JSON, Authorization=f"Bearer {self.token}")
        status, _, body = self.bank.request("POST", path, json.dumps(fields), headers, timeout_s)
        try:
            return status, json.loads(body)
        except ValueError:
            return status, None

    def _client(self, number):
        return {"req_client_name": "HONG GILDONG", "req_client_fintech_use_num": number, "req_client_num": "HONG1",
                "transfer_purpose": "TR"}

    def pull_fields(self, number, amount, tran_id=None):
        return {"bank_tran_id": tran_id or self.new_id(), "cntr_account_type": "N", "cntr_account_num": self.contract,
                "dps_print_content": "teller", "fintech_use_num": number, "wd_print_content": "teller",
                "tran_amt": str(amount), "tran_dtime": self.now(), **self._client(number)}

    def pull(self, number, amount, tran_id=None, timeout_s=TIMEOUT_S):
        return self.post("/v2.0/transfer/withdraw/fin_num", self.pull_fields(number, amount, tran_id), timeout_s)

    def push(self, payee, amount, tran_id=None, timeout_s=TIMEOUT_S):
        """payee: a fintech_use_num, or (bank code, account, name)."""
        if isinstance(payee, str):
            kind, number, to = "fin_num", payee, {"fintech_use_num": payee}
        else:
            kind, number = "acnt_num", "9" * 24
            to = dict(zip(("bank_code_std", "account_num", "account_holder_name"), payee))
        item = {"tran_no": "1", "bank_tran_id": tran_id or self.new_id(), "print_content": "teller",
                "tran_amt": str(amount), **to, **self._client(number)}
        fields = {"cntr_account_type": "N", "cntr_account_num": self.contract, "wd_pass_phrase": "NONE",
                  "wd_print_content": "teller", "name_check_option": "off", "tran_dtime": self.now(), "req_cnt": "1",
                  "req_list": [item]}
        return self.post(f"/v2.0/transfer/deposit/{kind}", fields, timeout_s)

    def inquire(self, tran_id, amount, is_pull=True, date=None):
        """The item of the reply."""
        item = {"tran_no": "1", "org_bank_tran_id": tran_id, "org_bank_tran_date": date or self.today(),
                "org_tran_amt": str(amount)}
        fields = {"check_type": "1" if is_pull else "2", "tran_dtime": self.now(), "req_cnt": "1", "req_list": [item]}
        status, reply = self.post("/v2.0/transfer/result", fields)
        return status, reply["res_list"][0] if reply and "res_list" in reply else reply

    def payee(self, number, amount=1):
        fields = {"bank_tran_id": self.new_id(), "cntr_account_type": "N", "cntr_account_num": self.contract,
                  "fintech_use_num": number, "tran_amt": str(amount), "print_content": "teller", **self._client(number)}
        return self.post("/v2.0/inquiry/receive", fields)


# ---- OBIE ----


class Obie:
    """A client of OBIE Read/Write. key: an RsaKey that signs what is sent; None: nothing is signed."""

    def __init__(self, bank, key=None, account="08080021325698", prefix=OBIE):
        self.bank, self.key, self.account, self.prefix = bank, key, account, prefix
        self.token = None

    def get_token(self, scope="payments"):
        fields = {"client_id": "client", "client_secret": "secret", "scope": scope, "grant_type": "client_credentials"}
        status, _, body = self.bank.request("POST", "/token", urlencode(fields), FORM)
        reply = json.loads(body)
        self.token = reply.get("access_token")
        return status, reply

    def headers(self, body, idempotency_key):
        if self.token is None:
            self.get_token()
        headers = {"Authorization": f"Bearer {self.token}", "x-fapi-interaction-id": str(uuid.uuid4()), "Accept": "application/json"}
        if body is not None:
            headers.update(JSON)
            headers["x-idempotency-key"] = idempotency_key or str(uuid.uuid4())
            headers["x-jws-signature"] = "none..none"
        if body is not None and self.key is not None:
            headers["x-jws-signature"] = sign_detached(self.key, body, "teller", "1", int(time.time()))
        return headers

    def call(self, method, path, value=None, idempotency_key=None, timeout_s=TIMEOUT_S):
        """Status, JSON or None, headers, body."""
        body = json.dumps(value).encode() if value is not None else None
        status, headers, reply = self.bank.request(method, self.prefix + path, body, self.headers(body, idempotency_key), timeout_s)
        try:
            return status, json.loads(reply), headers, reply
        except ValueError:
            return status, None, headers, reply

    @staticmethod
    def party(identification, name="A NAME"):
        return {"SchemeName": "UK.OBIE.SortCodeAccountNumber", "Identification": identification, "Name": name}

    def mandate(self, payer):
        """A VRP consent; its id."""
        control = {"ValidFromDateTime": "2026-01-01T00:00:00+00:00", "ValidToDateTime": "2036-01-01T00:00:00+00:00",
                   "MaximumIndividualAmount": {"Amount": "1000000.00", "Currency": "GBP"},
                   "PeriodicLimits": [{"PeriodType": "Month", "PeriodAlignment": "Calendar", "Amount": "1000000.00", "Currency": "GBP"}],
                   "VRPType": ["UK.OBIE.VRPType.Sweeping"], "PSUAuthenticationMethods": ["UK.OBIE.SCANotRequired"],
                   "PSUInteractionTypes": ["OffSession"]}
        value = {"Data": {"ReadRefundAccount": "Yes", "ControlParameters": control,
                          "Initiation": {"DebtorAccount": self.party(payer), "CreditorAccount": self.party(self.account)}},
                 "Risk": {"PaymentContextCode": "TransferToSelf"}}
        status, reply, _, body = self.call("POST", "/domestic-vrp-consents", value)
        assert status == 201, (status, body)
        return reply["Data"]["ConsentId"]

    def pull_value(self, consent, payer, amount, name):
        return {"Data": {"ConsentId": consent, "PSUAuthenticationMethod": "UK.OBIE.SCANotRequired",
                         "PSUInteractionType": "OffSession", "VRPType": "UK.OBIE.VRPType.Sweeping",
                         "Initiation": {"DebtorAccount": self.party(payer), "CreditorAccount": self.party(self.account)},
                         "Instruction": {"InstructionIdentification": name, "EndToEndIdentification": name,
                                         "InstructedAmount": {"Amount": amount, "Currency": "GBP"},
                                         "CreditorAccount": self.party(self.account)}},
                "Risk": {"PaymentContextCode": "TransferToSelf"}}

    def pull(self, consent, payer, amount, idempotency_key=None, name="E2E-1", timeout_s=TIMEOUT_S):
        return self.call("POST", "/domestic-vrps", self.pull_value(consent, payer, amount, name), idempotency_key, timeout_s)

    def initiation(self, payee, amount, name):
        return {"InstructionIdentification": name, "EndToEndIdentification": name,
                "InstructedAmount": {"Amount": amount, "Currency": "GBP"},
                "DebtorAccount": self.party(self.account), "CreditorAccount": self.party(payee)}

    def consent(self, payee, amount, name="E2E-2"):
        value = {"Data": {"ReadRefundAccount": "No", "Initiation": self.initiation(payee, amount, name)},
                 "Risk": {"PaymentContextCode": "TransferToThirdParty"}}
        status, reply, _, body = self.call("POST", "/domestic-payment-consents", value)
        assert status == 201, (status, body)
        return reply["Data"]["ConsentId"]

    def push(self, consent, payee, amount, idempotency_key=None, name="E2E-2", timeout_s=TIMEOUT_S):
        value = {"Data": {"ConsentId": consent, "Initiation": self.initiation(payee, amount, name)},
                 "Risk": {"PaymentContextCode": "TransferToThirdParty"}}
        return self.call("POST", "/domestic-payments", value, idempotency_key, timeout_s)


# ---- webhooks ----


class Post:
    def __init__(self, path, headers, body, at):
        self.path, self.headers, self.body, self.at = path, headers, body, at

    def json(self):
        return json.loads(self.body)

    def is_signed(self, secret):
        """The generic callback's signature."""
        text = self.headers["Teller-Timestamp"].encode() + b"." + self.body
        return self.headers["Teller-Signature"] == "v1=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class Receiver:
    """Takes webhooks. answers: statuses of the next posts; 202 when there are none left. certificate, key: files in PEM, for https."""

    def __init__(self, answers=(), certificate=None, key=None):
        self.posts, self.answers = queue.Queue(), list(answers)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posts.put(Post(self.path, self.headers, body, time.monotonic()))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def take(self, timeout_s=TIMEOUT_S):
        """The next post; waits for it."""
        return self.posts.get(timeout=timeout_s)

    def is_empty(self):
        return self.posts.empty()
