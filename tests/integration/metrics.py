"""The figures of a node agree with what was sent to it, in both forms; the text is read by a strict reader of its own.

  metrics.py --teller PATH [--only NAME]
"""
import argparse
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from client import Client, new_id, partition_of  # noqa: E402
from node import Node  # noqa: E402

PARTITIONS = 2
CASES = []


def case(function):
    CASES.append(function)
    return function


# ---- the text format, version 0.0.4, as strict as its description -------------------------------------------------

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


def unescape(text):
    return re.sub(r'\\(["\\n])', lambda found: "\n" if found[1] == "n" else found[1], text)


def read_labels(text):
    """The labels between braces; no label twice."""
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        assert found and found[1] not in labels, text
        labels[found[1]] = unescape(found[2])
        at = found.end()
        if at < len(text):
            assert text[at] == "," and at + 1 < len(text), text
            at += 1
    return labels


def read_sample(line):
    """(name, labels, value)."""
    name = NAME.match(line)
    assert name, line
    head, _, value = line.rpartition(" ")
    rest = head[name.end():]
    assert NUMBER.fullmatch(value), line
    assert rest == "" or (rest[0] == "{" and rest[-1] == "}" and len(rest) > 2), line
    return name[0], read_labels(rest[1:-1]), float(value) if "." in value else int(value)


def check_histograms(name, samples):
    """Buckets are cumulative, bounds rise, the last is +Inf and equals the count."""
    series = {}
    for sample, labels, value in samples:
        key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        series.setdefault(key, {"_bucket": [], "_sum": [], "_count": []})[sample.removeprefix(name)].append(
            (labels.get("le"), value))
    for key, parts in series.items():
        buckets = parts["_bucket"]
        bounds = [float(bound) for bound, _ in buckets]
        counts = [count for _, count in buckets]
        assert bounds == sorted(set(bounds)) and buckets[-1][0] == "+Inf", (name, key)
        assert counts == sorted(counts), (name, key)
        assert len(parts["_sum"]) == len(parts["_count"]) == 1, (name, key)
        assert counts[-1] == parts["_count"][0][1], (name, key)


def read_text(text):
    """Samples by name and labels: {name: {labels: value}}. Each figure has HELP, TYPE, then its samples, and comes once."""
    assert text.endswith("\n") and "\n\n" not in text
    figures, blocks, name, kind = {}, {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            assert kind is not None or name is None, line
            name, _, explained = line.removeprefix("# HELP ").partition(" ")
            assert NAME.fullmatch(name) and name not in blocks and explained, line
            kind = None
        elif line.startswith("# TYPE "):
            named, _, kind = line.removeprefix("# TYPE ").partition(" ")
            assert named == name and kind in SUFFIXES and name not in blocks, line
            assert (kind == "counter") == name.endswith("_total"), line
            blocks[name] = []
        else:
            sample, labels, value = read_sample(line)
            assert sample in [name + suffix for suffix in SUFFIXES[kind]], line
            assert ("le" in labels) == sample.endswith("_bucket"), line
            key = frozenset(labels.items())
            assert key not in figures.setdefault(sample, {}), line
            figures[sample][key] = value
            blocks[name].append((sample, labels, value))
    for block, samples in blocks.items():
        assert samples, block
        if f"{block}_bucket" in figures:
            check_histograms(block, samples)
    return figures


# ---- a node and its load -------------------------------------------------------------------------------------------


def deposit(account, amount, currency="KRW", **more):
    return {"kind": "deposit", "transaction_id": new_id(), "to_account": account, "amount": amount,
            "currency": currency, **more}


def transfer(payer, payee, amount, **more):
    return {"kind": "transfer", "transaction_id": new_id(), "from_account": payer, "to_account": payee,
            "amount": amount, "currency": "KRW", **more}


class World:
    """What was sent, and how it was answered."""
    def __init__(self, endpoint):
        self.client = Client(endpoint)
        self.answers = {}

    def call(self, operation, body=None, **options):
        code, reply = self.client.call(operation, body, **options)
        key = (operation, code)
        self.answers[key] = self.answers.get(key, 0) + 1
        return code, reply

    def metrics(self):
        code, body = self.call("metrics")
        assert code == "OK"
        return body

    def text(self):
        code, body = self.call("metrics", {"format": "text"})
        assert code == "OK"
        return read_text(body)


def accounts_of(partition, count):
    names = (f"account-{number}" for number in range(10000))
    return [name for name in names if partition_of(name, PARTITIONS) == partition][:count]


@case
def answers_are_counted_by_operation_and_code(world):
    for name in accounts_of(0, 2) + accounts_of(1, 2):
        world.call("account.open", {"account": name, "owner": "ann", "currency": "KRW"})
    alice, bob = accounts_of(0, 2)
    for _ in range(5):
        world.call("deposit", deposit(alice, 100))
    for amount in (10, 20, 1000):
        world.call("transfer", transfer(alice, bob, amount))
    world.call("transfer", transfer(alice, accounts_of(1, 1)[0], 5))
    world.call("balance", {"account": alice})
    world.call("balance", {"account": "nobody"})
    world.call("rate.sources")
    expected = dict(world.answers)
    found = {(row["operation"], row["code"]): row["count"] for row in world.metrics()["router"]["answers"]}
    assert found == expected, (found, expected)
    expected = dict(world.answers)
    text = world.text()["teller_answers_total"]
    assert text == {frozenset({("operation", operation), ("code", code)}): count
                    for (operation, code), count in expected.items()}, text


@case
def times_have_a_record_for_each_answer(world):
    expected = {}
    for (operation, _), count in world.answers.items():
        expected[operation] = expected.get(operation, 0) + count
    body = world.metrics()
    for row in body["router"]["times_us"]:
        assert row["count"] == expected[row["operation"]], row
        assert sum(row["buckets"][1::2]) == row["count"] and row["buckets"][::2] == sorted(row["buckets"][::2])
        assert row["p50"] <= row["p90"] <= row["p99"] <= row["max"] <= row["sum"]
    counts = world.text()["teller_answer_seconds_count"]
    assert counts[frozenset({("operation", "deposit")})] == expected["deposit"]


def commands_of(body):
    found = {}
    for partition in body["partitions"]:
        for row in partition["commands"]:
            key = (partition["partition"], row["kind"], row["code"])
            found[key] = row["count"]
    return found


@case
def commands_are_counted_by_kind_and_code(world):
    before = commands_of(world.metrics())
    alice, bob = accounts_of(1, 2)
    world.call("batch", [deposit(alice, 50) for _ in range(40)])
    world.call("batch", [transfer(alice, bob, 1) for _ in range(20)] + [transfer(alice, bob, 10**9)])
    world.call("batch", [deposit(alice, 50), transfer(alice, bob, 1)])
    after = commands_of(world.metrics())
    grown = {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}
    assert grown == {(1, "deposit", "OK"): 40, (1, "transfer", "OK"): 20, (1, "transfer", "INSUFFICIENT_FUNDS"): 1,
                     (1, "mixed", "OK"): 2}, grown


@case
def commits_are_timed_and_measured(world):
    for partition in world.metrics()["partitions"]:
        assert 0 < partition["commits"] <= partition["facts"], partition
        assert partition["append_us"]["count"] == partition["append_bytes"]["count"] == partition["commits"]
        assert partition["append_bytes"]["sum"] == 8 * (partition["position"] - 1), partition
        assert partition["append_us"]["max"] > 0
        assert 0 <= partition["since_commit_us"] < 60_000_000
        assert partition["checkpoint_lag"] == partition["position"] - partition["checkpoint_position"]
        assert partition["journal_percent"] == 0 < partition["journal_bytes"]


@case
def queues_tell_what_is_in_flight_and_the_most_there_was(world):
    body = world.metrics()
    queues = {queue["queue"]: queue for queue in body["router"]["queues"]}
    assert {"ledger-0", "ledger-1"} <= set(queues) <= {"ledger-0", "ledger-1", "ratefeed", "publisher"}
    for queue in queues.values():
        assert queue["serving"] == 1
        assert 1 <= queue["requests_highest"] >= queue["requests"] >= 0  # metrics itself asks all of them
        assert queue["bytes"] <= queue["bytes_highest"] <= body["router"]["bytes_highest"]
    text = world.text()
    assert text["teller_queue_serving"] == {frozenset({("queue", name)}): 1 for name in queues}
    assert text["teller_bytes_in_flight"][frozenset()] == 0


@case
def what_cannot_be_read_is_counted_apart(world):
    before = world.metrics()["router"]
    for frames in ([b"\xc1"], [b"\x90"], [b"a", b"b"]):
        world.client.send_frames(*frames)
        assert world.client.receive()[1] == "BAD_REQUEST"
    world.client.send_frames(b"1", b"2", b"3", b"4", b"5")
    after = world.metrics()["router"]
    counts = {(row["operation"], row["code"]): row["count"] for row in after["answers"]}
    assert counts[("unreadable", "BAD_REQUEST")] == 3
    assert after["bad"] == before["bad"] + 3 and after["dropped"] == before["dropped"] + 1


@case
def connections_are_counted(world):
    other = Client(world.endpoint)
    other.expect_ok("version")
    world.answers[("version", "OK")] = 1
    during = world.metrics()["router"]
    other.close()
    deadline = time.monotonic() + 30
    while world.metrics()["router"]["connections_closed"] <= during["connections_closed"]:
        assert time.monotonic() < deadline, "the closed connection is not counted"
    after = world.metrics()["router"]
    assert after["connections_opened"] == during["connections_opened"] >= 2


@case
def a_format_that_is_none_is_refused(world):
    rows = (({"format": "xml"}, "INVALID_FIELD", "format"), ({"format": 1}, "INVALID_FIELD", "format"),
            ({"form": "text"}, "BAD_REQUEST", None), ([], "BAD_REQUEST", "body"))
    for body, wanted, field in rows:
        code, reply = world.call("metrics", body)
        assert (code, reply["field"]) == (wanted, field), (body, code, reply)
    assert isinstance(world.client.expect_ok("metrics", {"format": None}), dict)


@case
def both_forms_agree(world):
    body, text = world.metrics(), world.text()
    for partition in body["partitions"]:
        label = frozenset({("partition", str(partition["partition"]))})
        for key, name in (("accounts", "teller_accounts"), ("postings", "teller_postings_total"),
                          ("commits", "teller_commits_total"), ("journal_bytes", "teller_journal_bytes")):
            assert text[name][label] == partition[key], key
        sums = text["teller_append_seconds_sum"][label], partition["append_us"]["sum"]
        assert round(sums[0] * 1_000_000) == sums[1], sums


@case
def subscribers_are_told_by_the_publisher(world):
    """On a node of its own, with a subscriber that nobody can reach."""
    node = Node(world.program)
    node.options += ["--events", f"ipc://{node.scratch}/events", "--webhook-allow-http"]
    with node:
        client = Client(node.endpoint)
        client.expect_ok("account.open", {"account": "alice", "owner": "ann", "currency": "KRW"})
        client.expect_ok("subscriber.add", {"name": "nobody", "url": "http://127.0.0.1:9/", "secret": "s" * 16,
                                            "from": "start"})
        deadline = time.monotonic() + 30
        while True:
            [row] = client.expect_ok("metrics")["publisher"]["subscribers"]
            if row["failures"] > 0:
                break
            assert time.monotonic() < deadline, row
        assert (row["name"], row["kind"], row["delivered"], row["dead_letters"]) == ("nobody", "webhook", 0, 0), row
        assert row["lag"] > 0
        text = read_text(client.expect_ok("metrics", {"format": "text"}))
        label = frozenset({("name", "nobody"), ("kind", "webhook")})
        assert text["teller_subscriber_lag"][label] == row["lag"]
        assert text["teller_queue_serving"][frozenset({("queue", "publisher")})] == 1
        client.close()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--only")
    given = options.parse_args()
    failed = 0
    with Node(given.teller, partitions=PARTITIONS) as node:
        world = World(node.endpoint)
        world.endpoint, world.program = node.endpoint, given.teller
        for run in CASES:
            if given.only and run.__name__ not in (given.only, CASES[0].__name__):
                continue
            try:
                run(world)
                print(f"ok      {run.__name__}", flush=True)
            except Exception as problem:  # pylint: disable=broad-except
                failed += 1
                print(f"FAILED  {run.__name__}: {type(problem).__name__}: {problem}", flush=True)
                if not node.is_alive():
                    print(node.stderr())
                    break
        if not failed and node.stop() != 0:
            print(f"FAILED  the node did not end cleanly\n{node.stderr()}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
