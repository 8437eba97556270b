"""Real input: the first 20,000 transactions of a Czech bank (PKDD'99 financial data set) are imported, and

  - each account's balance is the exact sum of its signed amounts
  - and within 0.1 for each row of it, the balance that the bank itself noted last (it rounds to 0.1)
  - each history walks back to zero, and says what the file says
  - exporting, and importing into a node with another number of partitions, gives the same accounts, histories
    and digest; replay and a restart give that digest too

  berka.py --teller PATH [--data DIRECTORY]

Without the file it is skipped (exit code 77). The file: trans_id;account_id;date YYMMDD;type;operation;amount;
balance after it;…; PRIJEM is money in, VYDAJ and VYBER out. The order within a day is not given: money in comes
first. Its last day is cut off, so the bank's balances of that day count rows that are not here: an account is
compared at the end of its last whole day.
"""
import argparse
import collections
import csv
import gzip
import json
import os
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from client import Client  # noqa: E402
from node import Node  # noqa: E402

SKIPPED = 77
FILE_NAME = "berka/trans-20000.asc.gz"
ROUNDING = 10  # minor units

Row = collections.namedtuple("Row", "day is_out transaction amount noted")


def minor(text):
    value = Decimal(text) * 100
    assert value == int(value), f"{text}: more than two decimals"
    return int(value)


def major(amount):
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"


def read_rows(path):
    """By account: its rows in an order that the file allows."""
    accounts = collections.defaultdict(list)
    with gzip.open(path, "rt", encoding="ascii") as file:
        for row in csv.DictReader(file, delimiter=";"):
            assert row["type"] in ("PRIJEM", "VYDAJ", "VYBER"), row
            accounts[f"berka-{row['account_id']}"].append(Row(
                row["date"], row["type"] != "PRIJEM", int(row["trans_id"]), minor(row["amount"]), minor(row["balance"])))
    return {account: sorted(rows) for account, rows in accounts.items()}


def signed(row):
    return -row.amount if row.is_out else row.amount


def lowest(rows):
    """The lowest balance on the way: below zero where the bank had agreed to an overdraft."""
    balance = low = 0
    for row in rows:
        balance += signed(row)
        low = min(low, balance)
    return low


COLUMNS = ("op", "account", "owner", "currency", "minimum_balance", "from_account", "to_account", "amount", "reference")


def write_import(path, accounts):
    """The rows as lines of teller import, in the order of days."""
    with open(path, "w", encoding="ascii", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, restval="")
        out.writeheader()
        for account, rows in accounts.items():
            low = lowest(rows)
            out.writerow({"op": "account.open", "account": account, "owner": "berka", "currency": "CZK",
                          **({"minimum_balance": major(low)} if low < 0 else {})})
        every = sorted((row, account) for account, rows in accounts.items() for row in rows)
        for row, account in every:
            side = "from_account" if row.is_out else "to_account"
            out.writerow({"op": "withdraw" if row.is_out else "deposit", side: account, "currency": "CZK",
                          "amount": major(row.amount), "reference": f"{row.day}/{row.transaction}"})


def check_balances(client, accounts):
    found = client.accounts()
    assert set(found) == set(accounts), "not the accounts of the file"
    for account, rows in accounts.items():
        expected = sum(signed(row) for row in rows)
        assert found[account]["balance"] == expected, f"{account}: {found[account]['balance']}, the rows sum to {expected}"


def check_histories(client, accounts):
    """Against the file: every row once, in order, each balance the sum; and what the bank noted."""
    last_day = max(row.day for rows in accounts.values() for row in rows)
    compared = 0
    for account, rows in accounts.items():
        entries = [entry for entry in reversed(client.history(account)) if entry["direction"]]
        told = [(entry["reference"], entry["direction"] == "out", entry["amount"]) for entry in entries]
        assert told == [(f"{row.day}/{row.transaction}", row.is_out, row.amount) for row in rows], f"{account}: history"
        balance = 0
        for entry, row in zip(entries, rows):
            balance += signed(row)
            assert entry["balance"] == balance, f"{account}: {entry}, the rows before it sum to {balance}"
        whole = [row for row in rows if row.day < last_day]
        if whole:
            noted = [row.noted for row in whole if row.day == whole[-1].day]
            balance = entries[len(whole) - 1]["balance"]
            distance = min(abs(balance - each) for each in noted)
            assert distance <= ROUNDING * len(whole), f"{account}: {balance}, the bank noted {noted}"
            compared += 1
    return compared


def import_file(node, path):
    result = json.loads(node.run("import", path, "--connect", node.endpoint, "--json", timeout_s=300).splitlines()[-1])
    return result


def books(client):
    """What must survive an export: all of each account but when it was opened."""
    return {name: {key: value for key, value in account.items() if key != "opened"}
            for name, account in client.accounts().items()}


def story(client, accounts):
    """What histories say, without times and positions."""
    return {account: [(entry["kind"], entry["transaction_id"], entry["amount"], entry["balance"], entry["reference"])
                      for entry in client.history(account)] for account in accounts}


def offline_digest(node, command):
    return json.loads(node.run(command, "--data", node.data, "--json"))["digest"]


def stop_and_check(node):
    """The node ends; verify and replay agree. Returns the digest."""
    assert node.stop() == 0, node.stderr()
    digest = offline_digest(node, "verify")
    assert offline_digest(node, "replay") == digest, "replay gives another digest"
    return digest


def first_node(node, accounts, lines):
    result = import_file(node, lines)
    print(f"imported: {json.dumps(result)}")
    with Client(node.endpoint) as client:
        check_balances(client, accounts)
        compared = check_histories(client, accounts)
        print(f"{len(accounts)} balances are the sums of their rows, {compared} the bank's own within its rounding")
        kept = books(client), story(client, accounts)
    again = import_file(node, lines)
    with Client(node.endpoint) as client:
        assert books(client) == kept[0], f"importing again moved money: {again}"
    digest = stop_and_check(node)
    node.start()
    with Client(node.endpoint) as client:
        assert (books(client), story(client, accounts)) == kept, "a restart shows something else"
    assert stop_and_check(node) == digest, "a restart changes the digest"
    return kept, digest


def copy_node(program, partitions, commands, out):
    """A fresh node that takes an export, and exports to `out`. Returns what it holds, and its digest."""
    with Node(program, partitions=partitions) as node:
        import_file(node, commands)
        with Client(node.endpoint) as client:
            held = books(client)
            told = story(client, held)
        digest = stop_and_check(node)
        node.run("export", "--data", node.data, "--out", out)
    return (held, told), digest


def run(program, path):
    accounts = read_rows(path)
    with tempfile.TemporaryDirectory(prefix="teller-berka-") as scratch:
        scratch = Path(scratch)
        write_import(scratch / "berka.csv", accounts)
        copies = (3, 1)
        with Node(program, partitions=2) as node:
            if node.is_built_with(b"libtsan.so"):
                copies = (1, 2)  # ThreadSanitizer has no room for the maps of three journals
            first = first_node(node, accounts, scratch / "berka.csv")
            node.run("export", "--data", node.data, "--out", scratch / "one.jsonl")
        for partitions, source, out in zip(copies, ("one.jsonl", "two.jsonl"), ("two.jsonl", "three.jsonl")):
            held, digest = copy_node(program, partitions, scratch / source, scratch / out)
            assert held == first[0], f"an export, imported into {partitions} partitions, holds something else"
            assert digest == first[1], f"the digest in {partitions} partitions is {digest}, not {first[1]}"
        print(f"exported and imported into {copies[0]} partitions and into {copies[1]}, replayed, restarted: "
              f"digest {first[1]} every time")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--data", type=Path, default=Path(os.environ.get("TELLER_TEST_DATA", ".")))
    given = options.parse_args()
    path = given.data / FILE_NAME
    if not path.exists():
        print(f"skipped: {path} is absent (name its directory in TELLER_TEST_DATA)")
        return SKIPPED
    run(given.teller, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
