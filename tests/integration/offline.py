"""Commands on a data directory: verify, replay, backup, restore, export; beside a node under load and without one.

  offline.py --teller PATH [--only NAME] [--seed N]
"""
import argparse
import csv
import hashlib
import json
import random
import re
import shutil
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from client import Client, new_id, partition_of  # noqa: E402
from damage import flip  # noqa: E402
from node import Node  # noqa: E402

WORKERS, ACCOUNTS_EACH = 3, 6
CURRENCIES = {"KRW": 0, "USD": 2}
DAMAGED, UNREADABLE = 1, 3
CASES = []


def case(function):
    CASES.append(function)
    return function


class Worker:
    """One client with accounts of its own, which alone it pays from and freezes; it may pay to everybody's."""
    def __init__(self, endpoint, number, seed):
        self.client = Client(endpoint)
        self.number = number
        self.random = random.Random(seed * 1000 + number)
        self.accounts = [f"w{number}:{i}" for i in range(ACCOUNTS_EACH)]

    def open_all(self):
        for i, name in enumerate(self.accounts):
            self.client.open(name, currency="KRW" if i % 3 else "USD", owner=f"owner {self.number}",
                             minimum_balance=-500 if i == 1 else 0, product="wallet" if i % 2 else None)
            self.client.expect_ok("deposit", self.item(None, name, 100000))
        self.client.open(f"jar{self.number}", currency="KRW", owner='the "jar", kept', ceiling=5000)
        self.client.open(f"door{self.number}", currency="KRW", owner="door", transaction_id=new_id(self.random))

    @staticmethod
    def currency_of(name):
        return "USD" if name.startswith("w") and int(name.split(":")[1]) % 3 == 0 else "KRW"

    def item(self, source, target, amount):
        kind = "deposit" if source is None else "withdraw" if target is None else "transfer"
        item = {"kind": kind, "transaction_id": new_id(self.random), "from_account": source, "to_account": target,
                "amount": amount, "currency": self.currency_of(source or target)}
        if self.random.random() < 0.3:
            item["memo"] = self.random.choice(['점심, "반반"', "rent; back\\slash", "lunch"])
        if self.random.random() < 0.1:
            item["reference"] = f"order {self.random.randrange(1000)}"
        return item

    def any_item(self):
        r = self.random
        source = r.choice(self.accounts)
        same = [a for a in self.everybody() if self.currency_of(a) == self.currency_of(source) and a != source]
        kind = r.random()
        if kind < 0.15:
            return self.item(None, source, r.randrange(1, 5000))
        if kind < 0.3:
            return self.item(source, None, r.randrange(1, 5000))
        if kind < 0.4:
            return self.item(source, r.choice(["jar0", "door1", "nobody"]), r.randrange(1, 900))
        return self.item(source, r.choice(same), r.randrange(1, 40000))

    @staticmethod
    def everybody():
        return [f"w{n}:{i}" for n in range(WORKERS) for i in range(ACCOUNTS_EACH)]

    def group(self):
        r = self.random
        items = []
        for _ in range(r.randrange(1, 5)):
            source = r.choice(self.accounts)
            same = [a for a in self.everybody() if self.currency_of(a) == self.currency_of(source) and a != source]
            items.append(self.item(source, r.choice(same), r.randrange(1, 3000)))
        return {"kind": "group", "transaction_id": new_id(self.random), "items": items}

    def step(self):
        r = self.random
        kind = r.random()
        door = f"door{self.number}"
        if kind < 0.1:
            self.client.call("account.freeze" if r.random() < 0.5 else "account.unfreeze", {"account": door})
        elif kind < 0.2:
            self.client.call("account.change", {"account": door, "owner": f"door {r.randrange(5)}",
                                                "ceiling": r.choice([None, 10**6]), "memo": "moved"})
        elif kind < 0.4:
            item = self.any_item()
            self.client.call(item["kind"], item)
        else:
            self.client.call("batch", [self.group() if r.random() < 0.2 else self.any_item()
                                       for _ in range(r.randrange(1, 30))])


class Load:
    """Workers in threads, until told to stop."""
    def __init__(self, endpoint, seed):
        self.workers = [Worker(endpoint, n, seed) for n in range(WORKERS)]
        for worker in self.workers:
            worker.open_all()
        self.failures = []

    def steps(self, count):
        """So many steps of each, at the same time."""
        self._run(lambda worker: [worker.step() for _ in range(count)])

    def during(self, function):
        """Runs function while they work; returns what it returns."""
        done = threading.Event()

        def work(worker):
            while not done.is_set():
                worker.step()
        thread = threading.Thread(target=self._run, args=(work,))
        thread.start()
        try:
            return function()
        finally:
            done.set()
            thread.join()

    def _run(self, work):
        def guarded(worker):
            try:
                work(worker)
            except Exception as failure:  # reported by the thread that waits
                self.failures.append(failure)
        threads = [threading.Thread(target=guarded, args=(worker,)) for worker in self.workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self.failures, self.failures


def live_digest(client):
    """The digest of docs as told by actors/ledger/digest.h, from what the server lists."""
    total = 0
    for account in client.accounts().values():
        ceiling = "" if account["ceiling"] is None else account["ceiling"]
        line = "|".join(str(value) for value in (
            account["account"], account["owner"], account["currency"], account["product"] or "", account["state"],
            account["balance"], account["pending"], account["minimum_balance"], ceiling)) + "\n"
        total += int.from_bytes(hashlib.sha256(line.encode()).digest(), "big")
    return f"{total % 2**256:064x}"


def verify(node, data, expected=0):
    """What verify says as JSON."""
    result = node.try_run("verify", "--data", data, "--json")
    assert result.returncode == expected, f"verify: exit {result.returncode}\n{result.stdout}{result.stderr}"
    return json.loads(result.stdout)


def replay(node, data, *options):
    return json.loads(node.run("replay", "--data", data, "--json", *options))


def minor(text, currency):
    """ "-12.34" of a currency is -1234."""
    whole, _, part = text.partition(".")
    digits = part.ljust(CURRENCIES[currency], "0")
    return int(whole + digits)


class Importer:
    """Sends an export again, a line at a time."""
    def __init__(self, endpoint):
        self.client = Client(endpoint)
        self.currencies = {}

    def item(self, line):
        item = {"kind": line["op"], "transaction_id": uuid.UUID(line["transaction_id"]).bytes}
        for key in ("from_account", "to_account", "amount", "currency", "memo", "reference", "expires"):
            if key in line:
                item[key] = line[key]
        return item

    def account(self, line):
        body = {key: line[key] for key in ("account", "owner", "currency", "product", "memo") if key in line}
        currency = self.currencies.setdefault(line["account"], line.get("currency"))
        for key in ("minimum_balance", "ceiling"):
            if key in line:
                body[key] = None if line[key] is None else minor(line[key], currency)
        if "transaction_id" in line:
            body["transaction_id"] = uuid.UUID(line["transaction_id"]).bytes
        return body

    def send(self, line):
        if line["op"].startswith("account."):
            return self.client.call(line["op"], self.account(line))
        if line["op"] == "group":
            group = {"kind": "group", "transaction_id": uuid.UUID(line["transaction_id"]).bytes,
                     "items": [self.item(item) for item in line["items"]]}
            code, rows = self.client.call("batch", [group])
            return (rows[0][0], rows) if code == "OK" else (code, rows)
        return self.client.call(line["op"], self.item(line))

    def run(self, lines):
        for line in lines:
            code, body = self.send(line)
            assert code == "OK", f"{line}: {code} {body}"


def csv_lines(text):
    """A CSV export in the form of the JSON lines, to compare."""
    lines = []
    for row in csv.DictReader(text.splitlines()):
        group = row.pop("group")
        line = {key: value for key, value in row.items() if value != ""}
        for key in line.keys() & {"time", "expires"}:
            line[key] = int(line[key])
        if line["op"] == "account.change":
            line.setdefault("ceiling", None)
            line.setdefault("product", "")
        if line["op"] == "account.open" and line.get("minimum_balance", "0") in ("0", "0.00"):
            line.pop("minimum_balance", None)
        if not group:
            lines.append(line)
            continue
        moment = line.pop("time")
        if not lines or lines[-1].get("transaction_id") != group:
            lines.append({"op": "group", "transaction_id": group, "items": [], "time": moment})
        lines[-1]["items"].append(line)
    return lines


# ---- cases ---------------------------------------------------------------------------------------------------------


@case
def a_backup_taken_under_load_verifies_and_is_restored_and_serves(program, seed):
    with Node(program, partitions=3) as node:
        load = Load(node.endpoint, seed)
        load.steps(20)

        def take():
            for i in range(4):
                copy = node.scratch / f"copy{i}"
                node.run("backup", "--data", node.data, "--to", copy)
                verify(node, node.data)
        load.during(take)
        for i in range(4):
            copy, restored = node.scratch / f"copy{i}", node.scratch / f"restored{i}"
            report = verify(node, copy)
            assert report["node_id"] == verify(node, node.data)["node_id"]
            node.run("restore", "--from", copy, "--to", restored)
            assert verify(node, restored)["digest"] == report["digest"]
        refused = node.try_run("restore", "--from", node.scratch / "copy0", "--to", node.scratch / "restored0")
        assert refused.returncode == UNREADABLE, refused
        with Node(program, partitions=3, data=restored) as again:
            client = Client(again.endpoint)
            Worker(again.endpoint, 1, seed + 1).step()
            settle(client)
            assert live_digest(client) == verify(again, restored)["digest"]


def settle(client):
    """Until nothing is on its way."""
    give_up = time.monotonic() + 30
    while any(p["transfers_in_transit"] or p["groups_open"] for p in client.expect_ok("status")["partitions"]):
        assert time.monotonic() < give_up, "something stays on its way"


@case
def the_digest_is_the_same_live_verified_replayed_and_at_a_past_time(program, seed):
    with Node(program, partitions=2) as node:
        load = Load(node.endpoint, seed)
        client = Client(node.endpoint)
        moments = []
        for _ in range(3):
            load.steps(15)
            settle(client)
            moments.append((time.time_ns() // 1000, live_digest(client)))
        for moment, digest in moments:
            assert replay(node, node.data, "--until", moment)["digest"] == digest
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moments[1][0] // 10**6))
        text += f".{moments[1][0] % 10**6:06d}Z"
        assert replay(node, node.data, "--until", text)["digest"] == moments[1][1]
        assert verify(node, node.data)["digest"] == moments[-1][1]
        assert replay(node, node.data)["digest"] == moments[-1][1]
        node.kill()
        assert verify(node, node.data)["digest"] == moments[-1][1]
        node.start()
        node.stop()
        report = verify(node, node.data)
        assert report["digest"] == moments[-1][1]
        assert all(p["state_compared"] > 0 for p in report["partitions"]), report


@case
def a_replay_to_a_sequence_is_the_state_at_that_commit(program, seed):
    with Node(program, partitions=1) as node:
        load = Load(node.endpoint, seed)
        client = Client(node.endpoint)
        moments = []
        for _ in range(3):
            load.steps(5)
            moments.append((verify(node, node.data)["partitions"][0]["sequence"], live_digest(client)))
        for sequence, digest in moments:
            assert replay(node, node.data, "--until", sequence)["digest"] == digest
        account = replay(node, node.data, "--account", "w0:1")["account"]
        assert account["balance"] == client.accounts()["w0:1"]["balance"]
        assert node.try_run("replay", "--data", node.data, "--account", "nobody").returncode == 1
        assert node.try_run("replay", "--data", node.data, "--until", "yesterday").returncode == 2


@case
def what_is_exported_can_be_imported_into_any_number_of_partitions(program, seed):
    with Node(program, partitions=3) as node:
        load = Load(node.endpoint, seed)
        load.steps(25)
        settle(Client(node.endpoint))
        digest = verify(node, node.data)["digest"]
        text = node.run("export", "--data", node.data)
        lines = [json.loads(line) for line in text.splitlines()]
        comma = node.run("export", "--data", node.data, "--format", "csv")
        assert csv_lines(comma) == lines
        ops = {line["op"] for line in lines}
        assert {"group", "transfer", "deposit", "withdraw", "account.open", "account.change"} <= ops, ops
        out = node.scratch / "export.jsonl"
        node.run("export", "--data", node.data, "--out", out)
        assert out.read_text(encoding="utf-8") == text
        table = node.scratch / "export.csv"
        table.write_text(comma, encoding="utf-8")
        for partitions in (1, 2, 5):
            with Node(program, partitions=partitions) as other:
                Importer(other.endpoint).run(lines)
                settle(Client(other.endpoint))
                assert verify(other, other.data)["digest"] == digest, f"{partitions} partitions"
        for file, partitions in ((out, 1), (table, 2), (out, 5)):
            with Node(program, partitions=partitions) as other:
                other.run("import", file, "--connect", other.endpoint)
                settle(Client(other.endpoint))
                assert verify(other, other.data)["digest"] == digest, f"{file} into {partitions} partitions"


class Holds:
    """Steps on the holds of one account."""
    def __init__(self, client, account):
        self.client, self.account = client, account

    def fund(self):
        self.client.open(self.account, currency="KRW")
        self.client.expect_ok("deposit", {"transaction_id": uuid.uuid4().bytes, "to_account": self.account, "amount": 1000,
                                          "currency": "KRW"})
        return self

    def step(self, operation, **body):
        key = uuid.uuid4().bytes
        self.client.expect_ok(operation, {"transaction_id": key, "from_account": self.account, **body})
        return key

    def open(self, amount, **body):
        return self.step("hold", amount=amount, currency="KRW", **body)

    def capture(self, hold, amount, rest):
        self.step("capture", hold=hold, amount=amount, currency="KRW", rest=rest)


def open_holds(client):
    """By id, of all accounts: what an export must keep of them."""
    holds = [hold for account in client.accounts()
             for hold in client.expect_ok("hold.list", {"account": account, "limit": 1000})["holds"]]
    return {hold["hold"]: {key: hold[key] for key in ("account", "currency", "state", "held", "expires", "memo", "reference")}
            for hold in holds}


BALANCE, PENDING = 915, 240  # of an account with holds in several states


def holds_in_several_states(client, account):
    """Each ends, or does not, in its own way; four stay open."""
    holds = Holds(client, account).fund()
    later = time.time_ns() // 1000 + 3600 * 10**6
    holds.open(100, memo="hotel, two nights", reference="booking 7")
    holds.open(50, expires=later)
    partly = holds.open(80, expires=later, memo='the "rest"')
    holds.capture(partly, 30, "keep")
    twice = holds.open(60)
    holds.capture(twice, 10, "keep")
    holds.capture(twice, 10, "keep")
    holds.capture(holds.open(40), 15, "release")
    holds.capture(holds.open(20), 20, "keep")
    holds.step("release", hold=holds.open(70))


@case
def open_holds_are_exported_with_what_is_left_of_them_and_opened_again(program, _):
    with Node(program, partitions=3) as node, Client(node.endpoint) as client:
        for i in range(7):
            holds_in_several_states(client, f"held{i}")
        client.expect_ok("withdraw", {"transaction_id": uuid.uuid4().bytes, "from_account": "held0", "amount": BALANCE - PENDING,
                                      "currency": "KRW"})
        client.expect_ok("account.freeze", {"account": "held1"})
        client.expect_ok("account.change", {"account": "held2", "minimum_balance": 800})
        wanted, digest = open_holds(client), verify(node, node.data)["digest"]
        assert len(wanted) == 28 and client.accounts()["held0"]["balance"] == PENDING
        node.run("export", "--data", node.data, "--out", node.scratch / "lines.jsonl")
        node.run("export", "--data", node.data, "--format", "csv", "--out", node.scratch / "lines.csv")
        for name, partitions in (("lines.jsonl", 1), ("lines.csv", 5)):
            with Node(program, partitions=partitions) as other, Client(other.endpoint) as copy:
                for _ in range(2):  # again moves nothing, and holds nothing twice
                    other.run("import", node.scratch / name, "--connect", other.endpoint)
                    assert open_holds(copy) == wanted, f"{name} into {partitions} partitions"
                    assert verify(other, other.data)["digest"] == digest, f"{name} into {partitions} partitions"
                for hold in [hold for hold, found in wanted.items() if found["account"] == "held3"]:
                    Holds(copy, "held3").capture(hold, wanted[hold]["held"], "release")
                spent = copy.accounts()["held3"]
                assert (spent["balance"], spent["pending"]) == (BALANCE - PENDING, 0), spent


class Foreign:
    """Money in two currencies of one owner, in accounts that keep book values; each step has an id of its own."""
    def __init__(self, client):
        self.client = client
        client.open("won", currency="KRW")
        for name in ("usd0", "usd1", "usd2", "usd3"):
            client.open(name, currency="USD", fx=True)
        self.step("deposit", to_account="won", amount=90_000_000, currency="KRW")
        client.expect_ok("pair.set", {"base": "USD", "counter": "KRW", "spread": 10000, "valid": 3600})
        client.expect_ok("rate.set", {"base": "USD", "counter": "KRW", "rate": "1350.25", "as_of": time.time_ns() // 1000,
                                      "age_limit": 86400})

    def step(self, operation, **body):
        key = uuid.uuid4().bytes
        self.client.expect_ok(operation, {"transaction_id": key, **body})
        return key

    def exchange(self, source, target, amount):
        sell, buy = ("KRW", "USD") if source == "won" else ("USD", "KRW")
        quote = self.step("quote", from_account=source, sell=sell, buy=buy, side="sell", amount=amount)
        self.step("exchange", from_account=source, to_account=target, quote=quote)


@case
def an_import_keeps_book_values_and_average_rates(program, _):
    with Node(program, partitions=3) as node, Client(node.endpoint) as client:
        foreign = Foreign(client)
        for i in range(4):
            foreign.exchange("won", f"usd{i}", 1_234_567 + 7 * i)
            foreign.step("deposit", to_account=f"usd{i}", amount=10_001 + i, currency="USD", rate="1299.123")
            foreign.exchange(f"usd{i}", "won", 3_333)
            foreign.step("transfer", from_account=f"usd{i}", to_account=f"usd{(i + 1) % 4}", amount=777, currency="USD",
                         rate="1311.5")
            settle(client)
            hold = foreign.step("hold", from_account=f"usd{i}", amount=1_000, currency="USD")
            foreign.step("capture", from_account=f"usd{i}", hold=hold, amount=333, currency="USD", rest="keep")
            foreign.step("withdraw", from_account=f"usd{i}", amount=123, currency="USD")
        digest = verify(node, node.data)["digest"]
        shown = {name: client.expect_ok("account.show", {"account": name}) for name in ("usd0", "usd1", "usd2", "usd3")}
        for form, partitions in (("jsonl", 1), ("csv", 4)):
            lines = node.scratch / f"lines.{form}"
            node.run("export", "--data", node.data, "--format", form, "--out", lines)
            with Node(program, partitions=partitions) as other, Client(other.endpoint) as copy:
                other.run("import", lines, "--connect", other.endpoint)
                for name, account in shown.items():
                    found = copy.expect_ok("account.show", {"account": name})
                    for key in ("balance", "pending", "book_value", "average_rate"):
                        assert found[key] == account[key], (form, name, key, found[key], account[key])
                assert verify(other, other.data)["digest"] == digest, form


@case
def a_hold_whose_time_is_over_when_it_is_imported_is_left_out_and_told(program, _):
    with Node(program, partitions=2) as node, Client(node.endpoint) as client:
        holds = Holds(client, "held").fund()
        kept = holds.open(100)
        soon = holds.open(70, expires=time.time_ns() // 1000 + 10**6)
        holds.capture(soon, 30, "keep")
        moment = time.time_ns() // 1000
        give_up = time.monotonic() + 30
        while client.expect_ok("hold.show", {"account": "held", "hold": soon})["state"] == "OPEN":
            assert time.monotonic() < give_up, "a hold does not expire"
        node.run("export", "--data", node.data, "--until", moment, "--out", node.scratch / "then.jsonl")
        with Node(program, partitions=1) as other, Client(other.endpoint) as copy:
            told = json.loads(other.run("import", node.scratch / "then.jsonl", "--connect", other.endpoint, "--json"))
            assert (told["expired"], told["refused"], told["refused_file"]) == (1, 0, None), told
            assert set(open_holds(copy)) == {kept}
            assert verify(other, other.data)["digest"] == verify(node, node.data)["digest"]


@case
def open_proposals_are_left_out_of_an_export_and_told(program, _):
    with Node(program, partitions=2) as node, Client(node.endpoint) as client:
        client.open("someone", currency="KRW")
        keys = [uuid.uuid4().bytes for _ in range(3)]
        for key in keys:
            client.expect_ok("proposal.open", {"transaction_id": key, "kind": "deposit", "account": "someone", "amount": 5,
                                               "currency": "KRW", "operator": "ann", "reason": "why"})
        client.expect_ok("proposal.approve", {"account": "someone", "proposal": keys[0], "operator": "ben"})
        told = node.try_run("export", "--data", node.data)
        assert told.returncode == 0 and "left out: open proposals: 2\n" in told.stderr, told
        assert [json.loads(line)["op"] for line in told.stdout.splitlines()] == ["account.open", "deposit"]


def quiet_directory(node, seed):
    load = Load(node.endpoint, seed)
    load.steps(15)
    client = Client(node.endpoint)
    account = next(f"mark{i}" for i in range(100) if partition_of(f"mark{i}", 2) == 1)
    client.open(account, currency="KRW")
    client.expect_ok("deposit", {"transaction_id": new_id(), "to_account": account, "amount": 5, "currency": "KRW",
                                 "memo": "the byte to flip"})
    load.steps(5)
    node.stop()
    return account


@case
def a_flipped_byte_is_found_and_its_place_told(program, seed):
    with Node(program, partitions=2) as node:
        quiet_directory(node, seed)
        journal = node.data / "p001" / "journal" / "data.mdb"
        clean = verify(node, node.data)
        # Pages that LMDB has left behind hold copies that nobody reads any more, so all are flipped.
        copies = [match.start() for match in re.finditer(b"the byte to flip", journal.read_bytes())]
        for at in copies:
            flip(journal, at)
        fault = verify(node, node.data, DAMAGED)["fault"]
        assert fault["partition"] == 1 and fault["position"] > 0 and 0 < fault["sequence"], fault
        text = node.try_run("verify", "--data", node.data)
        assert text.returncode == DAMAGED and f"position {fault['position']}" in text.stderr, text
        assert node.try_run("restore", "--from", node.data, "--to", node.scratch / "no").returncode == DAMAGED
        assert not (node.scratch / "no").exists()
        for at in copies:
            flip(journal, at)
        assert verify(node, node.data)["digest"] == clean["digest"]


@case
def random_flips_are_found_or_harmless(program, seed):
    chance = random.Random(seed)
    with Node(program, partitions=2) as node:
        quiet_directory(node, seed)
        clean = verify(node, node.data)
        journal = node.data / "p000" / "journal" / "data.mdb"
        used = len(journal.read_bytes().rstrip(b"\0"))
        found = 0
        for _ in range(60):
            at = chance.randrange(used)
            flip(journal, at)
            result = node.try_run("verify", "--data", node.data, "--json")
            assert result.returncode in (0, DAMAGED, UNREADABLE), (at, result)
            if result.returncode == 0:
                assert json.loads(result.stdout)["digest"] == clean["digest"], at
            found += result.returncode != 0
            flip(journal, at)
        assert found > 0


@case
def partitions_of_two_moments_do_not_pass_as_one_node(program, seed):
    with Node(program, partitions=2) as node:
        load = Load(node.endpoint, seed)
        load.steps(10)
        node.run("backup", "--data", node.data, "--to", node.scratch / "early")
        load.steps(10)
        node.run("backup", "--data", node.data, "--to", node.scratch / "late")
        for partition in (0, 1):
            mixed = node.scratch / f"mixed{partition}"
            shutil.copytree(node.scratch / "late", mixed)
            shutil.rmtree(mixed / f"p{partition:03d}")
            shutil.copytree(node.scratch / "early" / f"p{partition:03d}", mixed / f"p{partition:03d}")
            fault = verify(node, mixed, DAMAGED)["fault"]
            assert f"partition {partition}" in fault["what"], fault


@case
def a_state_store_that_lies_is_found(program, seed):
    with Node(program, partitions=2) as node:
        account = quiet_directory(node, seed)
        clean = verify(node, node.data)
        state = node.data / "p001" / "state" / "data.mdb"
        content = state.read_bytes()
        at = content.find(account.encode())
        assert at > 0
        while at >= 0:
            flip(state, at - 32)  # the balance stands before the id
            at = content.find(account.encode(), at + 1)
        fault = verify(node, node.data, DAMAGED)["fault"]
        assert "state" in fault["what"] and "state" in fault["advice"], fault
        shutil.rmtree(node.data / "p001" / "state")
        assert verify(node, node.data)["digest"] == clean["digest"]


@case
def what_is_no_data_directory_is_refused(program, seed):
    del seed
    with Node(program) as node:
        for command in ("verify", "replay", "export"):
            assert node.try_run(command, "--data", node.scratch / "none").returncode == UNREADABLE
        assert node.try_run("backup", "--data", node.scratch / "none", "--to", node.scratch / "x").returncode == UNREADABLE
        full = node.scratch / "full"
        full.mkdir()
        (full / "file").write_text("mine", encoding="ascii")
        assert node.try_run("backup", "--data", node.data, "--to", full).returncode == UNREADABLE
        assert (full / "file").read_text(encoding="ascii") == "mine"
        assert verify(node, node.data)["partitions"][0]["commits"] == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--teller", required=True)
    parser.add_argument("--only")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for function in CASES:
        if arguments.only and arguments.only not in function.__name__:
            continue
        started = time.monotonic()
        function(arguments.teller, arguments.seed)
        print(f"ok {function.__name__} ({time.monotonic() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
