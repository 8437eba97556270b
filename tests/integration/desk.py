"""Quotes, exchanges and holds against a real server of two partitions that is killed five times with requests in flight; all that has
no answer is asked for again under its id, and some of what has one. At the end every id has had one outcome, the books are
what the outcomes add up to, teller's own accounts included, and verify finds nothing. An export, imported into three partitions,
has the same books, average rates and open holds.

  desk.py --teller PATH [--seed N]
"""
import argparse
import json
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from client import Client, new_id  # noqa: E402
from node import Node  # noqa: E402

PARTITIONS, KILLS, PAIRS, EACH_ROUND = 2, 5, 6, 60
WON, DOLLARS = [f"won-{i}" for i in range(PAIRS)], [f"usd-{i}" for i in range(PAIRS)]
FUNDS = 100_000_000
UNDECIDED = ("BUSY", "UNKNOWN", "DEADLINE_EXCEEDED")


class Operation:
    """One id: what is asked under it, and the answer that it has had."""
    def __init__(self, kind, body):
        self.kind, self.body = kind, body
        self.outcome = None

    def answered(self, outcome):
        if outcome[0] in UNDECIDED:
            return
        assert self.outcome in (None, outcome), f"{self.kind} {self.body}: {self.outcome}, then {outcome}"
        self.outcome = outcome

    @property
    def is_ok(self):
        return self.outcome is not None and self.outcome[0] == "OK"


class World:
    def __init__(self, node, seed):
        self.node, self.random = node, random.Random(seed)
        self.client = Client(node.endpoint)
        self.operations, self.quotes, self.holds = [], [], []
        self.open_accounts()

    def open_accounts(self):
        for i, (won, dollars) in enumerate(zip(WON, DOLLARS)):
            self.client.open(won, currency="KRW", owner="one")
            self.client.open(dollars, currency="USD", owner="one", fx=i % 2 == 0)
            self.client.expect_ok("deposit", {"transaction_id": new_id(self.random), "to_account": won,
                                              "amount": FUNDS, "currency": "KRW"})
        self.client.expect_ok("rate.set", {"base": "USD", "counter": "KRW", "rate": "1350.25",
                                           "as_of": int(time.time() * 1e6), "age_limit": 86400})
        self.client.expect_ok("pair.set", {"base": "USD", "counter": "KRW", "spread": 10000, "valid": 3600})

    # ---- what is asked ----

    def note(self, kind, account, **body):
        operation = Operation(kind, {"transaction_id": new_id(self.random), "from_account": account, **body})
        self.operations.append(operation)
        return operation

    def quote(self):
        side = self.random.choice(["sell", "buy"])
        amount = self.random.randrange(1000, 500000) if side == "sell" else self.random.randrange(10, 30000)
        self.quotes.append(self.note("quote", self.random.choice(WON), sell="KRW", buy="USD", side=side,
                                     amount=amount))

    def exchange(self):
        quote = self.random.choice(self.quotes)
        return self.note("exchange", quote.body["from_account"], to_account=self.random.choice(DOLLARS),
                         quote=quote.body["transaction_id"])

    def hold(self):
        self.holds.append(self.note("hold", self.random.choice(WON), currency="KRW",
                                    amount=self.random.randrange(1, 100000)))

    def end_hold(self):
        hold = self.random.choice(self.holds)
        common = {"hold": hold.body["transaction_id"]}
        if self.random.random() < 0.4:
            self.note("release", hold.body["from_account"], **common)
        else:
            self.note("capture", hold.body["from_account"], currency="KRW",
                      amount=self.random.randrange(1, hold.body["amount"] + 1),
                      rest=self.random.choice(["keep", "release"]), **common)

    def wish(self):
        """New operations, on what is known and on what may be lost."""
        self.quote()
        self.hold()
        for _ in range(EACH_ROUND):
            self.random.choice([self.quote, self.exchange, self.hold, self.end_hold])()

    # ---- asking ----

    def send(self, operations):
        """Singles and batches, all in flight at once; returns what each request is about."""
        asked, items = {}, []
        for operation in operations:
            if operation.kind != "quote" and self.random.random() < 0.5:
                items.append(operation)
            else:
                asked[self.client.send(operation.kind, operation.body)] = [operation]
            if len(items) == 8:
                asked[self.send_batch(items)] = items
                items = []
        if items:
            asked[self.send_batch(items)] = items
        return asked

    def send_batch(self, items):
        return self.client.send("batch", [{"kind": item.kind, **item.body} for item in items])

    def take(self, asked, count):
        """So many answers."""
        for _ in range(count):
            request, code, body = self.client.receive()
            operations = asked.pop(request)
            if operations[0].kind == "quote":
                terms = tuple(body[key] for key in ("sell_amount", "buy_amount", "spread", "residue", "expires")) \
                    if code == "OK" else ()
                operations[0].answered((code, *terms))
            elif isinstance(body, list):
                for operation, row in zip(operations, body, strict=True):
                    operation.answered(tuple(row) if row[0] == "OK" else (row[0],))
            elif len(operations) > 1:  # a batch that was refused as a whole
                assert code in UNDECIDED, code
            else:
                operations[0].answered((code, body["from_balance"], body.get("to_balance"))
                                       if code == "OK" else (code,))

    def open_and_some(self):
        known = [operation for operation in self.operations if operation.outcome]
        again = self.random.sample(known, min(len(known), EACH_ROUND // 4))
        return [operation for operation in self.operations if not operation.outcome] + again

    def round_with_a_kill(self):
        self.wish()
        asked = self.send(self.open_and_some())
        self.take(asked, self.random.randrange(len(asked)))
        self.node.kill()
        self.client.close()
        self.node.start()
        self.client = Client(self.node.endpoint)

    def ask_until_decided(self):
        while True:
            asked = self.send(self.open_and_some())
            self.take(asked, len(asked))
            if all(operation.outcome for operation in self.operations):
                break
        asked = self.send(self.operations)
        self.take(asked, len(asked))

    # ---- the end ----

    def balance(self, account):
        code, body = self.client.call("account.show", {"account": account})
        assert code in ("OK", "ACCOUNT_NOT_FOUND"), code
        return body["balance"] if code == "OK" else 0

    def house(self, name, currency):
        return sum(self.balance(f"house:{name}:{currency}:{p}") for p in range(PARTITIONS))

    def check_exchanges(self):
        """Each used quote was used once; returns what customers have by them."""
        expected = dict.fromkeys(WON, FUNDS) | dict.fromkeys(DOLLARS, 0)
        terms = {quote.body["transaction_id"]: quote.outcome[1:] for quote in self.quotes if quote.is_ok}
        done = [operation for operation in self.operations if operation.kind == "exchange" and operation.is_ok]
        used = [operation.body["quote"] for operation in done]
        assert len(used) == len(set(used)) and used, "a quote was used twice, or none at all"
        for operation in done:
            sold, bought, _, _, _ = terms[operation.body["quote"]]
            expected[operation.body["from_account"]] -= sold
            expected[operation.body["to_account"]] += bought
        sums = [sum(terms[quote][i] for quote in used) for i in range(4)]
        assert self.house("fx", "KRW") == sums[0]
        assert self.house("fx", "USD") == -sum(sums[1:])
        assert (self.house("spread", "USD"), self.house("residue", "USD")) == (sums[2], sums[3])
        return expected

    def check_holds(self, expected):
        """Takes what was captured off; each account's pending is what its open holds hold."""
        captures = [operation for operation in self.operations if operation.kind == "capture" and operation.is_ok]
        for operation in captures:
            expected[operation.body["from_account"]] -= operation.body["amount"]
        ended = {operation.body["hold"] for operation in self.operations
                 if operation.is_ok and (operation.kind == "release" or operation.kind == "capture"
                                         and operation.body["rest"] == "release")}
        held = {hold.body["transaction_id"]: hold.body["amount"] for hold in self.holds
                if hold.is_ok and hold.body["transaction_id"] not in ended}
        for operation in captures:
            if operation.body["hold"] in held:
                held[operation.body["hold"]] -= operation.body["amount"]
        held = {hold: amount for hold, amount in held.items() if amount}
        assert held, "no hold is open at the end"
        found = {}
        for account in WON:
            page = self.client.expect_ok("hold.list", {"account": account, "limit": 1000})["holds"]
            found.update((hold["hold"], hold["held"]) for hold in page)
            shown = self.client.expect_ok("account.show", {"account": account})
            assert shown["pending"] == sum(hold["held"] for hold in page), (shown, page)
        assert found == held, (found, held)

    def check(self):
        expected = self.check_exchanges()
        self.check_holds(expected)
        found = {account: self.balance(account) for account in expected}
        assert found == expected, (found, expected)
        for currency, accounts in (("KRW", WON), ("USD", DOLLARS)):
            own = sum(self.house(name, currency) for name in ("cash", "fx", "spread", "residue"))
            assert own + sum(found[account] for account in accounts) == 0, currency


def books(client):
    """All of each account but when it was opened: average rates and what is pending too."""
    return {name: {key: value for key, value in client.expect_ok("account.show", {"account": name}).items() if key != "opened"}
            for name in client.accounts()}


def digest(node):
    return json.loads(node.run("verify", "--data", node.data, "--json"))["digest"]


def check_copy(program, node, shown):
    """An export, imported into another number of partitions, has the same books and the same open holds."""
    lines = node.scratch / "lines.jsonl"
    node.run("export", "--data", node.data, "--out", lines)
    with Node(program, partitions=PARTITIONS - 1) as copy, Client(copy.endpoint) as client:
        result = copy.try_run("import", lines, "--connect", copy.endpoint)
        assert result.returncode == 0, result.stdout + Path(f"{lines}.refused.csv").read_text(encoding="utf-8")
        found = books(client)
        assert any(account.get("average_rate") for account in shown.values()), "no account has an average rate"
        for name, account in shown.items():
            assert found.pop(name) == account, name
        assert not found and digest(copy) == digest(node)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--teller", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with Node(options.teller, partitions=PARTITIONS) as node:
        world = World(node, options.seed)
        for _ in range(KILLS):
            world.round_with_a_kill()
        world.wish()
        world.ask_until_decided()
        world.check()
        shown = books(world.client)
        node.stop()
        check_copy(options.teller, node, shown)
    outcomes = [operation.outcome[0] for operation in world.operations]
    print(f"{len(outcomes)} ids, {KILLS} kills: " + ", ".join(f"{code} {outcomes.count(code)}"
                                                             for code in sorted(set(outcomes))))


if __name__ == "__main__":
    main()
