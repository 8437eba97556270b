"""A disk that fails, and a disk that is full, under the real program.

After a failed sync nobody is told anything that may not be so: what is in hand is UNKNOWN, the program ends with 75, and
the next start has every transfer that was acknowledged, and each unknown one has one outcome when its id is asked
again. When there is no room, new transfers are BUSY, known ids keep their answers, reads go on, and with more room
the node takes transfers again.
"""
import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from client import Client, NoAnswer, new_id  # noqa: E402
from node import Node  # noqa: E402

ACCOUNTS = [f"account-{n}" for n in range(20)]
EXIT_STORAGE = 75
FAILURES = [
    # (call, number of the call that fails, errno)
    ("fdatasync", 60, "EIO"), ("fdatasync", 61, "EIO"), ("fdatasync", 62, "EIO"), ("fdatasync", 63, "EIO"),
    ("pwrite", 200, "EIO"), ("pwrite", 201, "EIO"), ("pwrite", 202, "EIO"), ("pwrite", 203, "EIO"),
]


def transfer_item(number):
    source = ACCOUNTS[number % len(ACCOUNTS)]
    target = ACCOUNTS[(number * 7 + 3) % len(ACCOUNTS)]
    if source == target:
        target = ACCOUNTS[(number + 1) % len(ACCOUNTS)]
    return {"transaction_id": new_id(), "from_account": source, "to_account": target, "amount": 1 + number % 5,
            "currency": "CZK"}


def fill(client):
    for account in ACCOUNTS:
        client.open(account)
        client.expect_ok("deposit", {"transaction_id": new_id(), "to_account": account, "amount": 1000,
                                     "currency": "CZK"})


def balances(client):
    return {name: account["balance"] for name, account in client.accounts().items()}


def run_into_failure(client):
    """Transfers one by one until the node fails: ([acknowledged], [unknown])."""
    acknowledged, unknown = [], []
    for number in range(5000):
        item = transfer_item(number)
        try:
            code, _ = client.call("transfer", item, timeout_s=10)
        except NoAnswer:
            unknown.append(item)
            return acknowledged, unknown
        if code == "OK":
            acknowledged.append(item)
        elif code == "UNKNOWN":
            unknown.append(item)
        elif code != "BUSY":
            raise AssertionError(f"transfer answered {code}")
        if code in ("UNKNOWN", "BUSY"):
            return acknowledged, unknown
    raise AssertionError("the disk never failed")


def check_failing_disk(program, library, call, at, error):
    with Node(program, partitions=2) as node:
        with Client(node.endpoint) as client:
            fill(client)
        assert node.stop() == 0
        os.environ.update(LD_PRELOAD=library, FAILING_DISK_CALL=call, FAILING_DISK_AT=str(at),
                          FAILING_DISK_ERRNO=error)
        try:
            node.start()
        finally:
            for name in ("LD_PRELOAD", "FAILING_DISK_CALL", "FAILING_DISK_AT", "FAILING_DISK_ERRNO"):
                del os.environ[name]
        with Client(node.endpoint) as client:
            acknowledged, unknown = run_into_failure(client)
        assert node.process.wait(60) == EXIT_STORAGE, f"exit {node.process.returncode}\n{node.stderr()}"
        node.start()
        with Client(node.endpoint) as client:
            for item in acknowledged:
                shown = client.expect_ok("transfer.show", {"transaction_id": item["transaction_id"]})
                assert shown["status"] == "success", shown
            expected = {account: 1000 for account in ACCOUNTS}
            for item in unknown:
                code, _ = client.call("transfer", item)
                assert code == "OK", code
            for item in acknowledged + unknown:
                expected[item["from_account"]] -= item["amount"]
                expected[item["to_account"]] += item["amount"]
            assert balances(client) == expected
        assert node.stop() == 0
        node.run("verify", "--data", node.data)
    print(f"{call} {at} {error}: {len(acknowledged)} acknowledged, {len(unknown)} unknown, nothing lost")


def check_full(program):
    with Node(program, partitions=1, options=["--journal-size", "8M"]) as node:
        with Client(node.endpoint) as client:
            fill(client)
            first = transfer_item(1)
            answer = client.call("transfer", first)
            code = "OK"
            for number in range(0, 1000000, 1000):
                items = [{"kind": "transfer", **transfer_item(number + n)} for n in range(1000)]
                _, rows = client.call("batch", items)
                code = rows[-1][0]
                assert code in ("OK", "INSUFFICIENT_FUNDS", "BUSY"), code
                if code == "BUSY":
                    break
            assert code == "BUSY", "it was never full"
            before = balances(client)
            assert client.call("transfer", transfer_item(2))[0] == "BUSY"
            assert client.call("transfer", first) == answer, "a known id keeps its answer"
            assert client.expect_ok("health")["status"] == "degraded"
            assert client.history(ACCOUNTS[0])
            assert balances(client) == before
        assert node.stop() == 0
        node.options = ["--journal-size", "64M"]
        node.start()
        with Client(node.endpoint) as client:
            assert balances(client) == before
            assert client.call("deposit", {"transaction_id": new_id(), "to_account": ACCOUNTS[0], "amount": 1,
                                           "currency": "CZK"})[0] == "OK"
        assert node.stop() == 0
    print("a full journal: BUSY, reads and known ids go on, more room helps")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--teller", required=True)
    parser.add_argument("--library", required=True)
    arguments = parser.parse_args()
    for failure in FAILURES:
        check_failing_disk(arguments.teller, arguments.library, *failure)
    check_full(arguments.teller)


if __name__ == "__main__":
    main()
