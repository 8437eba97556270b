"""Backup and restore of a whole node: ledgers, rates, subscribers, and what was sent to banks. A node is copied while remittances stand in every
phase, goes on, and is lost; the one that is restored meets the same bank, and pays nothing twice.

  backup.py --teller PATH --bank PATH
"""
import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from bank import Bank, Obie, Receiver  # noqa: E402
from client import Client  # noqa: E402
from damage import flip  # noqa: E402
from remit import SORT_CODE, BankNode, Keys  # noqa: E402

DAMAGED = 1
STORES = ("bank", "publisher", "rates")
SUBSCRIBER_SECRET = "secret-of-a-subscriber"
RATES = "Date,USD,JPY,\n2026-01-02,1.0321,162.5,\n2026-01-05,1.0388,163.1,\n"
# A retry is an operator's; what prepares a payment waits for a bank that stands still.
TERMS = {"--remittance-retry-ms": 3600000}
LIMITS = {"ask_timeout_ms": 60000, "timeout_ms": 1000}


class World:
    """A bank, a node with all its stores, and parties that nobody else has."""

    def __init__(self, program, bank, keys, scratch):
        self.program, self.bank, self.keys, self.scratch = program, bank, keys, scratch
        self.obie = Obie(bank, keys.client)
        self.count = 0
        self.remittances = {}  # name: what remittance.show is asked with
        self.names = {}        # name: payer and payee in the bank's ledger

    def node(self, **options):
        return BankNode(self.program, self.bank, self.keys, limits=LIMITS, terms=TERMS, partitions=2, options=["--webhook-allow-http"], **options)

    def parties(self, name, rail):
        self.count += 1
        if rail == "kftc":
            payer, account = f"{self.count:024d}", f"{55000 + self.count}"
            self.names[name] = payer, account
            return payer, f"088:{account}:HONG GILDONG"
        payer, payee = f"100000{self.count:08d}", f"200000{self.count:08d}"
        self.names[name] = payer, payee
        return f"{self.obie.mandate(payer)}@{SORT_CODE}:{payer}:A NAME", f"{SORT_CODE}:{payee}:BOB"

    def remit(self, node, name, rail, refund="rail", rules=()):
        """rules: of (whose: payer 0 or payee 1, rule); they come before those that stand."""
        payer, payee = self.parties(name, rail)
        self.bank.rules([{"account": self.names[name][who]} | rule for who, rule in rules] + [{"step": "inquiry", "do": "processing", "inquiries": 1000}])
        self.remittances[name] = node.remit(rail, payer, payee, 1000 + self.count, refund)

    def until(self, node, name, *states):
        return node.until_state(self.remittances[name], *states)

    def operator(self, node, action, name, **more):
        body = self.remittances[name] | {"operator": "ann", "reason": "as the bank's statement says"} | more
        return node.call(f"remittance.{action}", body)

    def settle(self, node, name):
        """The bank says by telephone that it has made the newest call."""
        call = node.call("remittance.show", self.remittances[name])["calls"]
        return self.operator(node, "settle", name, call=call, outcome="succeeded")


def settle_some_before(world, node):
    world.remit(node, "done", "gb")
    world.bank.rules([])
    world.until(node, "done", "COMPLETED")


def copies_under_load_are_sound(world, node):
    world.bank.rules([{"do": "slow", "delay_ms": 200, "probability": "0.5"}])
    for number in range(3):
        for row in range(20):
            payer, payee = world.parties(f"load {number} {row}", "kftc")
            node.remit("kftc", payer, payee, 1)
        copy = world.scratch / f"load{number}"
        node.run("backup", "--data", node.data, "--to", copy)
        assert stores_of(node, copy)["bank"] > 0
    world.bank.rules([])
    node.until("all is done", lambda: node.call("bank.calls", {})["calls"] == [])


def stand_in_every_phase(world, node):
    lost, refused = {"do": "timeout", "when": "after"}, {"step": "push", "do": "refused"}
    world.remit(node, "pulling", "kftc", rules=[(0, {"step": "pull"} | lost)])
    world.until(node, "pulling", "PULL_UNKNOWN")
    world.remit(node, "pushing", "kftc", rules=[(1, {"step": "push"} | lost)])
    world.until(node, "pushing", "PUSH_UNKNOWN")
    world.remit(node, "refunding", "kftc", rules=[(1, refused), (0, {"step": "push"} | lost)])
    world.until(node, "refunding", "REFUND_UNKNOWN")
    world.remit(node, "dead", "kftc", refund="operator", rules=[(1, refused)])
    world.until(node, "dead", "DEAD_LETTER")
    world.remit(node, "waiting", "kftc", rules=[(0, {"step": "pull", "do": "refused", "code": "454"})])
    world.until(node, "waiting", "PULL_WAITING")
    world.remit(node, "preparing", "gb", rules=[(1, {"step": "consent", "do": "slow", "delay_ms": 3000})])
    world.until(node, "preparing", "PUSHING")


def go_on_to_the_end(world, node):
    """What the node does that will be lost."""
    world.bank.rules([])
    world.operator(node, "retry", "waiting")
    world.operator(node, "refund", "dead")
    for name in ("pulling", "pushing", "waiting", "preparing"):
        world.until(node, name, "COMPLETED")
    for name in ("refunding", "dead"):
        world.until(node, name, "REFUNDED")
    world.remit(node, "late", "kftc")
    world.bank.rules([])
    world.until(node, "late", "COMPLETED")


def what_both_sides_can_know_ends_by_itself(world, node):
    world.until(node, "pushing", "COMPLETED")
    world.until(node, "refunding", "REFUNDED")
    assert node.show(world.remittances["done"])["state"] == "COMPLETED"
    node.call("remittance.show", world.remittances["late"], "REMITTANCE_NOT_FOUND")


def what_the_lost_node_may_have_sent_is_listed_and_not_sent(world, node, paid):
    world.until(node, "pulling", "PUSH_UNKNOWN")
    world.until(node, "preparing", "PUSH_UNKNOWN")
    assert world.operator(node, "retry", "waiting")["state"] in ("PULLING", "PULL_UNKNOWN")
    assert world.operator(node, "refund", "dead")["state"] in ("REFUNDING", "REFUND_UNKNOWN")
    world.until(node, "waiting", "PULL_UNKNOWN")
    world.until(node, "dead", "REFUND_UNKNOWN")
    with Client(node.endpoint) as client:
        listed = [row for p in range(2) for row in client.expect_ok("remittance.list", {"list": "unknown"}, partition=p)["remittances"]]
    unknown = {world.remittances[name]["remittance"] for name in ("pulling", "preparing", "waiting", "dead")}
    assert {row["remittance"] for row in listed} == unknown, listed
    calls = node.call("bank.calls", {})["calls"]
    assert {call["remittance"] for call in calls if "after the backup" in call["reason"]} == unknown, calls
    assert world.bank.ledger() == paid


def an_operator_ends_it_by_the_banks_statement(world, node, paid):
    for name in ("pulling", "preparing", "waiting"):
        world.settle(node, name)
    world.settle(node, "dead")
    world.until(node, "waiting", "PUSH_UNKNOWN")  # a pull of before the restore leads to a push that was there before, too
    world.settle(node, "waiting")
    for name in ("pulling", "preparing", "waiting"):
        world.until(node, name, "COMPLETED")
    world.until(node, "dead", "REFUNDED")
    assert world.bank.ledger() == paid
    assert unbooked(world, node) == Counter([("in", "1068"), ("out", "1068")])  # of the one that was requested after the backup


def unbooked(world, node):
    """What the bank has moved, and the ledger knows nothing of. What was settled by hand has no reference, and is known by its amount."""
    result = node.try_run("reconcile", "kftc", "--url", world.bank.url + "/admin/statement?rail=kftc", "--json", "--connect", node.endpoint)
    found = {"MISSING_IN_LEDGER": Counter(), "MISSING_AT_BANK": Counter()}
    for row in json.loads(result.stdout)["differences"]:
        side = row["bank"] or row["ledger"]
        found[row["kind"]][side["direction"], side["amount"]] += 1
    return found["MISSING_IN_LEDGER"] - found["MISSING_AT_BANK"]


def what_is_new_is_sent(world, node):
    for rail in ("kftc", "gb"):
        world.remit(node, f"new {rail}", rail)
        world.bank.rules([])
        world.until(node, f"new {rail}", "COMPLETED")
    ids = [entry["id"] for entry in world.bank.ledger()]
    assert len(ids) == len(set(ids)), ids


def subscriber(node):
    [row] = node.call("subscriber.list")["subscribers"]
    return row


def stores_of(node, data):
    return json.loads(node.run("verify", "--data", data, "--json"))["stores"]


def a_damaged_store_is_refused_by_name(node, copy):
    marks = {"bank": b"HONG GILDONG", "publisher": b"/oncall", "rates": b"EURUSD"}
    for store in STORES:
        for damage in ("flip", "cut", "gone"):
            bad = node.scratch / f"bad-{store}-{damage}"
            shutil.copytree(copy, bad)
            file = bad / store / "data.mdb"
            content = file.read_bytes()
            if damage == "flip":
                at = content.find(marks[store])
                assert at > 0, store
                while at >= 0:  # pages that nobody reads any more hold copies
                    flip(file, at + len(marks[store]), 1)
                    at = content.find(marks[store], at + 1)
            elif damage == "cut":
                file.write_bytes(content[:3 * 4096])
            else:
                file.unlink()
            result = node.try_run("verify", "--data", bad, "--json")
            assert result.returncode == DAMAGED, (store, damage, result)
            assert f"the {store} store" in json.loads(result.stdout)["fault"]["what"], result.stdout
            result = node.try_run("restore", "--from", bad, "--to", node.scratch / "no")
            assert result.returncode == DAMAGED and f"the {store} store" in result.stderr, (store, damage, result)
            assert not (node.scratch / "no").exists()


def lose_and_restore(world, receiver):
    with world.node() as first:
        first.stop()
        history = first.scratch / "history.csv"
        history.write_text(RATES, encoding="ascii")
        first.run("rate", "import", "--data", first.data, "--source", "ecb", history)
        first.start()
        first.call("subscriber.add", {"name": "oncall", "url": receiver.url + "/oncall", "secret": SUBSCRIBER_SECRET, "from": "start"})
        settle_some_before(world, first)
        copies_under_load_are_sound(world, first)
        stand_in_every_phase(world, first)
        copy, restored = world.scratch / "copy", world.scratch / "restored"
        world.bank.process.send_signal(signal.SIGSTOP)
        try:
            first.run("backup", "--data", first.data, "--to", copy)
        finally:
            world.bank.process.send_signal(signal.SIGCONT)
        delivered = first.until("events are delivered", lambda: subscriber(first)["lag"] == 0 and subscriber(first)["delivered"])
        stores = stores_of(first, copy)
        assert stores["rates"] == 4 and stores["publisher"] >= 2 and stores["bank"] > 4, stores
        go_on_to_the_end(world, first)
        first.kill()
        a_damaged_store_is_refused_by_name(first, copy)
        first.run("restore", "--from", copy, "--to", restored)
        assert stores_of(first, restored) == stores
    return restored, delivered


def run(arguments, keys, scratch, started):
    with Receiver() as receiver, Bank(arguments.bank, *keys.options) as bank:
        world = World(arguments.teller, bank, keys, scratch)
        restored, delivered = lose_and_restore(world, receiver)
        print(f"{time.monotonic() - started:6.1f} s restored", flush=True)
        paid = bank.ledger()
        with world.node(data=restored) as node:
            node.accounts = {"KRW": "clearing-KRW", "GBP": "clearing-GBP"}
            what_both_sides_can_know_ends_by_itself(world, node)
            what_the_lost_node_may_have_sent_is_listed_and_not_sent(world, node, paid)
            an_operator_ends_it_by_the_banks_statement(world, node, paid)
            what_is_new_is_sent(world, node)
            node.until("all is delivered", lambda: subscriber(node)["lag"] == 0)
            assert 0 < subscriber(node)["delivered"] < delivered  # on from where the copy was
            assert node.stop() == 0, node.stderr()
            node.run("verify", "--data", restored)
            node.start()
            node.until("nothing is open", lambda: node.call("bank.calls", {})["calls"] == [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--teller", required=True)
    parser.add_argument("--bank", required=True)
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="teller-backup-") as directory:
        run(arguments, Keys(directory), Path(directory), started)
    print(f"{time.monotonic() - started:6.1f} s ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
