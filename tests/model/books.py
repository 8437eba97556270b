#!/usr/bin/python3
"""Random deposits, withdrawals and transfers on foreign-currency accounts of a real server; every value, cost, gain, book value and
average rate must equal what exact fractions say, rounded as docs/WIRE.md does.

  books.py --teller PATH [--seed N] [--commands N]
"""
import argparse
import random
import sys
from fractions import Fraction
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from client import Client, new_id, partition_of  # noqa: E402
from node import Node  # noqa: E402

PARTITIONS = 2
EXPONENTS = {"USD": 2, "JPY": 0, "KWD": 3}
RATES = {"USD": 1380, "JPY": 9, "KWD": 4500}
BASE_EXPONENT = 0  # KRW
RATE_DECIMALS = 10


def half_even(value):
    """Python rounds a Fraction so, exactly."""
    return round(value)


def rate_text(rate):
    """A Fraction of at most ten decimals, as docs/WIRE.md writes it."""
    whole, rest = divmod(rate * 10**RATE_DECIMALS, 10**RATE_DECIMALS)
    return f"{whole}.{int(rest):010d}".rstrip("0").rstrip(".")


class Book:
    """One account: balance and book value."""

    def __init__(self, currency):
        self.currency = currency
        self.balance = self.book = 0

    def worth(self, amount, rate):
        return half_even(Fraction(amount, 10**EXPONENTS[self.currency]) * rate * 10**BASE_EXPONENT)

    def average(self):
        if self.balance <= 0:
            return None
        rate = Fraction(self.book, self.balance) * Fraction(10)**(EXPONENTS[self.currency] - BASE_EXPONENT)
        rate = Fraction(half_even(rate * 10**RATE_DECIMALS), 10**RATE_DECIMALS)
        return rate_text(rate) if 0 < rate <= 10**8 else None

    def entry(self, value, cost, rate):
        """What the history must say of it."""
        expected = {"balance": self.balance, "value": value, "cost": cost, "book_value": self.book,
                    "average_rate": self.average(), "rate": rate_text(rate) if rate else None}
        return expected

    def credit(self, amount, rate):
        value = self.worth(amount, rate)
        self.balance += amount
        self.book += value
        return {**self.entry(value, value, rate), "gain": None}

    def debit(self, amount, rate):
        cost = self.book if amount >= self.balance else half_even(Fraction(self.book * amount, self.balance))
        value = self.worth(amount, rate) if rate else cost
        self.balance -= amount
        self.book -= cost
        return {**self.entry(value, cost, rate), "gain": value - cost}


class Trial:
    def __init__(self, client, seed):
        self.client = client
        self.random = random.Random(seed)
        self.books, self.entries = {}, {}
        for currency in EXPONENTS:
            for number in range(4):
                account = f"{currency.lower()}-{number}"
                self.books[account] = Book(currency)
                self.entries[account] = []
                minimum = -2000 if number == 0 else 0  # one of them may be overdrawn
                client.open(account, currency, fx=True, minimum_balance=minimum)
        homes = {partition_of(account, PARTITIONS) for account in self.books}
        assert homes == set(range(PARTITIONS)), "accounts in every partition"

    def rate(self, currency):
        """Near the usual, now and then far from it, with any number of decimals."""
        decimals = 10**self.random.randrange(RATE_DECIMALS + 1)
        usual = RATES[currency] * self.random.choice((1, 1, 1, Fraction(1, 1000), 100))
        rate = Fraction(int(usual * decimals * Fraction(self.random.randrange(800, 1200), 1000)), decimals)
        return rate if rate > 0 else Fraction(1, 10**RATE_DECIMALS)

    def step(self):
        kind = self.random.choice(("deposit", "withdraw", "withdraw", "transfer", "transfer"))
        account = self.random.choice(sorted(self.books))
        book = self.books[account]
        others = [other for other in sorted(self.books) if other != account and self.books[other].currency == book.currency]
        other = self.random.choice(others)
        amount = self.random.choice((1, 2, 3, 7, 100, 999, 12345, 10**6))
        if kind != "deposit" and self.random.random() < 0.3:
            amount = max(1, book.balance)
        rate = self.rate(book.currency)
        if kind == "withdraw" and self.random.random() < 0.3:
            rate = None
        self.run(kind, account, other, amount, rate)

    def run(self, kind, account, other, amount, rate):
        book = self.books[account]
        item = {"transaction_id": new_id(self.random), "amount": amount, "currency": book.currency}
        item["to_account" if kind == "deposit" else "from_account"] = account
        if kind == "transfer":
            item["to_account"] = other
        if rate:
            item["rate"] = rate_text(rate)
        floor = -2000 if account.endswith("-0") else 0
        can_pay = kind == "deposit" or amount <= book.balance - floor
        code, reply = self.client.call(kind, item)
        assert code == ("OK" if can_pay else "INSUFFICIENT_FUNDS"), (kind, item, code, reply)
        if not can_pay:
            return
        if kind == "deposit":
            self.entries[account].append(book.credit(amount, rate))
        else:
            self.entries[account].append(book.debit(amount, rate))
        if kind == "transfer":
            self.entries[other].append(self.books[other].credit(amount, rate))
        for changed in {account, other} if kind == "transfer" else {account}:
            self.compare_account(changed)
            self.compare_entry(changed, self.client.expect_ok("history", {"account": changed, "limit": 1})["entries"][0],
                               self.entries[changed][-1])

    def compare_account(self, account):
        book, shown = self.books[account], self.client.expect_ok("account.show", {"account": account})
        wanted = {"balance": book.balance, "base": "KRW", "book_value": book.book, "average_rate": book.average()}
        actual = {key: shown[key] for key in wanted}
        assert actual == wanted, f"{account}: {actual}, but it is {wanted}"

    def compare_entry(self, account, entry, wanted):
        actual = {key: entry.get(key) for key in wanted}
        assert actual == wanted, f"{account}: {actual}, but it is {wanted}"

    def compare_all(self):
        for account, entries in self.entries.items():
            self.compare_account(account)
            moved = [entry for entry in reversed(self.client.history(account)) if entry["direction"]]
            assert len(moved) == len(entries), account
            for entry, wanted in zip(moved, entries):
                self.compare_entry(account, entry, wanted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teller", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", type=int, default=1000)
    options = parser.parse_args()
    with Node(options.teller, partitions=PARTITIONS) as node:
        with Client(node.endpoint) as client:
            trial = Trial(client, options.seed)
            for _ in range(options.commands):
                trial.step()
            trial.compare_all()
        node.kill()
        node.start()
        with Client(node.endpoint) as client:
            trial.client = client
            trial.compare_all()
        node.stop()
        lines = node.scratch / "lines.jsonl"
        node.run("export", "--data", node.data, "--out", lines)
        with Node(options.teller, partitions=PARTITIONS + 1) as other, Client(other.endpoint) as client:
            other.run("import", lines, "--connect", other.endpoint)
            trial.client = client
            for account in trial.books:
                trial.compare_account(account)
        node.run("verify", "--data", node.data)
    print(f"{options.commands} commands, seed {options.seed}: every figure is as fractions say, after a kill and an import too")
    return 0


if __name__ == "__main__":
    sys.exit(main())
