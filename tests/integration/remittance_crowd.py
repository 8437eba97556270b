"""A crowd of remittances through the real bank simulator over HTTP, on both rails, with faults in a fifth of all that is asked of the banks, while
the node is killed five times. In the end each is settled, refunded or has failed with a reason, or stands on a list with one; the banks' own books
have no payment twice and none that ours do not know; and `teller reconcile` finds no difference.

  remittance_crowd.py --teller PATH --bank PATH [--count 10000] [--kills 5] [--faults 20] [--rail both|kftc|obie]
                      [--seed N] [--json]

With --kills 0 --faults 0 it measures how many go through in a second.
"""
import argparse
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from bank import Bank  # noqa: E402
from client import Client, NoAnswer, new_id  # noqa: E402
from node import Node  # noqa: E402

PARTITIONS, ACCOUNTS, IN_FLIGHT, PATIENCE_S = 2, 16, 512, 240
ENDS = ("COMPLETED", "REFUNDED", "FAILED", "CANCELLED", "RESOLVED")
LISTED = ("PULL_FAILED", "DEPOSIT_FAILED", "WITHDRAWAL_FAILED", "PUSH_FAILED", "REFUND_FAILED", "DEAD_LETTER")
# What is really at the bank: pulls, pushes, refunds.
BOOKS = {"COMPLETED": (1, 1, 0), "REFUNDED": (1, 0, 1), "FAILED": (0, 0, 0), "CANCELLED": (0, 0, 0), "PULL_FAILED": (0, 0, 0),
         "DEAD_LETTER": (1, 0, 0), "PUSH_FAILED": (1, 0, 0), "REFUND_FAILED": (1, 0, 0)}
QUICK = ["--remittance-retry-ms", "200", "--remittance-round-ms", "1000"]
LIMITS = {"timeout_ms": 500, "ask_timeout_ms": 500, "inquiry_first_ms": 50, "inquiry_max_ms": 1000, "grace_ms": 1500,
          "circuit_failures": 50, "circuit_first_ms": 200, "circuit_max_ms": 1000, "parallel": 128}
KEYS = Path(__file__).resolve().parent.parent / "lib" / "keys"


def configure(node, url):
    """The file of `serve --banks`: both rails, at one address."""
    secret = node.scratch / "secret"
    secret.write_text("secret", encoding="ascii")
    key = node.scratch / "client.pem"
    key.write_bytes((KEYS / "client.pem").read_bytes())
    for path in (secret, key):
        path.chmod(0o600)
    both = {"client_id": "client", "client_secret": {"file": str(secret)}}
    kftc = {**both, "institution": "M202600001", "account_num": "1101230000678", "account_name": "TELLER"}
    obie = {**both, "issuer": "teller", "key_id": "1", "signing_key": {"file": str(key)},
            "account": "UK.OBIE.SortCodeAccountNumber:08080021325698:TELLER"}
    banks = [{"name": name, "rail": name, "url": url, "settings": settings, **LIMITS}
             for name, settings in (("kftc", kftc), ("obie", obie))]
    path = node.scratch / "banks.json"
    path.write_text(json.dumps({"banks": banks, "allow_http": True}), encoding="ascii")
    return path


def fault_rules(percent):
    """Each kind of trouble as often as each other; all of them together so many in a hundred requests. A refusal only where money is
    asked for: a bank that denies in an inquiry what it has paid is one that no client can see through."""
    kinds = [{"do": "timeout", "when": "before"}, {"do": "timeout", "when": "after"}, {"do": "hangup", "when": "before"},
             {"do": "hangup", "when": "after"}, {"do": "cut", "when": "after"}, {"do": "status", "when": "before", "status": 503},
             {"do": "status", "when": "after", "status": 500}, {"do": "half", "when": "after"}, {"do": "garbage", "when": "after"},
             {"do": "error_body", "when": "before"}, {"step": "pull", "do": "refused"}, {"step": "push", "do": "refused"}, {"do": "processing", "inquiries": 2},
             {"do": "wrong_amount"}, {"do": "token_refused"}]
    return [dict(kind, probability=f"{percent / 100 / len(kinds):.6f}") for kind in kinds]


class Crowd:
    def __init__(self, node, bank, options):
        self.node, self.bank, self.options = node, bank, options
        self.random = random.Random(options.seed)
        self.client = Client(node.endpoint)
        self.wanted = [self.make(i) for i in range(options.count)]
        self.by_id = {body["transaction_id"]: i for i, body in enumerate(self.wanted)}
        self.taken = [False] * options.count

    def open_accounts(self):
        for i in range(ACCOUNTS):
            self.client.open(f"acct-{i}", currency="KRW" if i % 2 == 0 else "GBP")

    def make(self, i):
        """An amount of its own, so that the bank's books tell whose payment it is."""
        is_kftc = self.options.rail == "kftc" or (self.options.rail == "both" and i % 2 == 0)
        account = i % (ACCOUNTS // 2) * 2 + (0 if is_kftc else 1)
        return {"transaction_id": new_id(self.random), "account": f"acct-{account}", "amount": 1000 * (i + 1),
                "currency": "KRW" if is_kftc else "GBP", "bank": "kftc" if is_kftc else "obie", "memo": "rent",
                "payer": f"1{i:023}" if is_kftc else f"mandate-{i}@UK.OBIE.SortCodeAccountNumber:11{i:012}:Payer",
                "payee": f"2{i:023}" if is_kftc else f"UK.OBIE.SortCodeAccountNumber:22{i:012}:Payee",
                "refund": "rail" if i % 3 else "operator"}

    # ---- asking ----

    def ask_all(self):
        """Many in flight; the node dies now and then, and what has no answer is asked for again."""
        kills = [self.options.count * (k + 1) // (self.options.kills + 1) for k in range(self.options.kills)]
        todo, flying = list(range(self.options.count)), {}
        todo.reverse()
        done = 0
        while todo or flying:
            while todo and len(flying) < IN_FLIGHT:
                i = todo.pop()
                flying[self.client.send("remittance.open", self.wanted[i])] = i
            try:
                request, code, body = self.client.receive(5)
            except NoAnswer:
                todo += flying.values()
                flying.clear()
                continue
            if request not in flying:
                continue
            i = flying.pop(request)
            if code == "OK":
                assert body["amount"] == self.wanted[i]["amount"], (body, self.wanted[i])
                done += not self.taken[i]
                self.taken[i] = True
            else:
                assert code in ("BUSY", "UNKNOWN"), (code, body)
                todo.append(i)
            if kills and done >= kills[0]:
                kills.pop(0)
                self.kill()
                todo += flying.values()
                flying.clear()

    def kill(self):
        self.node.kill()
        self.node.start()
        self.client.close()
        self.client = Client(self.node.endpoint)

    # ---- waiting ----

    def listed(self, which):
        found, cursor = [], None
        while True:
            page = self.client.expect_ok("remittance.list", {"list": which, "limit": 1000, "cursor": cursor})
            found += page["remittances"]
            cursor = page["cursor"]
            if cursor is None:
                return found

    def open_ones(self):
        figures = self.client.expect_ok("metrics")
        return sum(gauge["value"] for gauge in figures["gauges"] if gauge["name"] == "remittances_open")

    def wait(self):
        """Until nothing moves by itself any more: what is open stands on a list of dead letters."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            left = [one for one in self.listed("open") if one["state"] != "DEAD_LETTER"]
            if not left:
                return
            assert time.monotonic() < deadline, f"{len(left)} have not ended, as {left[0]}"
            time.sleep(0.2)

    # ---- checking ----

    def states(self):
        states, flying = {}, {}
        todo = list(range(self.options.count))
        while todo or flying:
            while todo and len(flying) < IN_FLIGHT:
                i = todo.pop()
                body = {"account": self.wanted[i]["account"], "remittance": self.wanted[i]["transaction_id"]}
                flying[self.client.send("remittance.show", body)] = i
            request, code, body = self.client.receive()
            assert code == "OK", (code, body)
            states[flying.pop(request)] = body
        return states

    def paid(self):
        """By amount: pulls, pushes, refunds, as the banks' own books have them."""
        paid = {}
        for entry in self.bank.ledger():
            i = int(entry["amount"]) // 1000 - 1
            one = paid.setdefault(i, [0, 0, 0])
            if entry["direction"] == "in":
                one[0] += 1
            else:
                one[2 if entry["account"] in self.wanted[i]["payer"] else 1] += 1
        return paid

    def check(self):
        states, paid, counts = self.states(), self.paid(), {}
        assert set(paid) <= set(range(self.options.count)), "a bank has paid what nobody has asked for"
        for i, one in states.items():
            state = one["state"]
            counts[state] = counts.get(state, 0) + 1
            assert tuple(paid.get(i, (0, 0, 0))) == BOOKS[state], \
                f"{self.wanted[i]['amount']} is {state}; the bank has made {paid.get(i)}: {one}"
            assert state in ("COMPLETED", "REFUNDED") or one["reason"] or one["code"], f"no reason: {one}"
            assert not one["contradicted"], one
        assert sum(counts.values()) == self.options.count
        return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teller", required=True)
    parser.add_argument("--bank", required=True, help="the program teller-bank")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--faults", type=float, default=20, help="in a hundred requests")
    parser.add_argument("--rail", choices=["both", "kftc", "obie"], default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with Bank(options.bank, "--seed", options.seed, "--opening-balance", 10**12) as bank:
        node = Node(options.teller, PARTITIONS)
        node.options += ["--banks", str(configure(node, bank.url)), *QUICK]
        with node:
            crowd = Crowd(node, bank, options)
            crowd.open_accounts()
            names = ("kftc", "obie") if options.rail == "both" else (options.rail,)
            if options.faults:
                bank.rules(fault_rules(options.faults))
            started = time.monotonic()
            crowd.ask_all()
            asked_s = time.monotonic() - started
            crowd.wait()
            seconds = time.monotonic() - started
            counts = crowd.check()
            for name in names:
                node.run("reconcile", name, "--connect", node.endpoint, "--timeout", "60s", "--url",
                         f"{bank.url}/admin/statement?rail={name}")
            code = node.stop()
            assert code == 0, f"the node ended with {code}"
            node.run("verify", "--data", node.data)
    if options.json:
        print(json.dumps({"count": options.count, "seconds": round(seconds, 3), "asked_seconds": round(asked_s, 3),
                          "per_second": round(options.count / seconds), "states": counts}))
    else:
        print(f"{options.count} remittances in {seconds:.1f} s, {options.count / seconds:.0f}/s, {options.kills} kills: "
              + ", ".join(f"{count} {state}" for state, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
