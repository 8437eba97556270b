"""Random commands to a real server and to the serial model: every reply must be the same, and every account,
balance and history too.

  check.py --teller PATH [--seed N] [--commands N] [--seconds S] [--partitions N]

Sequential: one command at a time, exact. Concurrent: several clients with a window in flight on a few
accounts; there the order is the server's, so sums, limits, histories and ids are checked.
A failure prints the seed and the command that differs.
"""
import argparse
import random
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from client import Client, new_id  # noqa: E402
from node import Node  # noqa: E402

from commands import PAST_MS, Commands  # noqa: E402
from wallet import Wallet  # noqa: E402

VOLATILE = {"message", "time", "at", "opened", "position", "cursor"}
WHOLE_CHECK_EVERY = 400  # commands


class Differs(Exception):
    """The server and the model say different things, or an invariant does not hold."""


def comparable(value):
    """A reply without what the protocol does not fix."""
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items() if key not in VOLATILE}
    if isinstance(value, (list, tuple)):
        return [comparable(each) for each in value]
    return "house" if isinstance(value, str) and value.startswith("house:") else value


def demand(condition, *what):
    if not condition:
        raise Differs("\n".join(str(each) for each in what))


# --- sequential ---------------------------------------------------------------------------------------------

def check_reply(wallet, operation, body, partition, deadline, reply):
    code, actual = reply[0], comparable(reply[1])
    expected_code, expected = wallet.apply(operation, body, partition, deadline, actual)
    expected = comparable(expected)
    if operation == "transfer.show" and expected_code == "OK" and isinstance(actual, dict):
        actual = {key: value for key, value in actual.items() if key in expected}
    if expected_code != "OK" and isinstance(actual, dict) and "status" not in actual:
        actual = {"field": actual.get("field")}
    if (code, actual) != (expected_code, expected):
        raise Differs("\n".join([f"{operation} partition={partition} deadline={deadline}",
                                 *first_difference((code, actual), (expected_code, expected), body)]))


def first_difference(actual, expected, sent):
    """Of lists, the first element that differs; else the whole."""
    if actual[0] == expected[0] == "OK" and isinstance(actual[1], list) and len(actual[1]) == len(expected[1]):
        index = next(index for index, pair in enumerate(zip(actual[1], expected[1])) if pair[0] != pair[1])
        sent, actual, expected = sent[index], actual[1][index], expected[1][index]
        yield f"  item {index}:"
    yield f"  sent:   {sent}"
    yield f"  server: {actual}"
    yield f"  model:  {expected}"


def check_whole(client, wallet):
    """Lists, balances, histories by page and by time, and the sum of it all."""
    listed = client.accounts()
    demand(set(listed) == set(wallet.accounts), "account.list:", set(listed) ^ set(wallet.accounts))
    sums = {}
    for name, account in wallet.accounts.items():
        demand(comparable(listed[name]) == account.view(), f"account.list: {listed[name]}", account.view())
        sums[account.currency] = sums.get(account.currency, 0) + account.balance
        check_history(client, account)
    for owner in ("ann", "zoë"):
        owned = {name for name, account in wallet.accounts.items() if account.owner == owner}
        demand(set(client.accounts(owner=owner)) == owned, f"account.list by owner {owner}")
    for currency, total in sums.items():
        demand(total == wallet.cash.get(currency, 0), f"{currency}: the balances sum to {total}")


def check_history(client, account):
    entries = client.history(account.name, page=7)
    if comparable(entries) != account.entries[::-1]:
        raise Differs("\n".join([f"history of {account.name}", *first_difference(
            ("OK", comparable(entries)), ("OK", account.entries[::-1]), entries)]))
    times = [entry["time"] for entry in entries]
    positions = [entry["position"] for entry in entries]
    demand(times == sorted(times, reverse=True), f"history of {account.name}: times go back")
    demand(positions == sorted(set(positions), reverse=True), f"history of {account.name}: positions go back")
    if entries:
        middle = times[len(times) // 2]
        newer = client.history(account.name, after=middle)
        older = client.history(account.name, before=middle)
        demand(newer + older == entries, f"history of {account.name} around {middle}", newer, older, entries)
        then = client.expect_ok("balance", {"account": account.name, "at": middle})
        demand(then["balance"] == newer[-1 - newer[::-1].index(newest_at(newer, middle))]["balance"],
               f"balance of {account.name} at {middle}: {then}")


def newest_at(entries, moment):
    """The newest entry of the oldest time that is at `moment`."""
    return next(entry for entry in entries if entry["time"] == moment)


def run_sequential(program, seed, partitions, commands, seconds):
    count, codes = 0, {}
    give_up = time.monotonic() + seconds
    with Node(program, partitions=partitions) as node, Client(node.endpoint) as client:
        wallet, source = Wallet(partitions), Commands(seed, partitions)
        wallet.past_ms = PAST_MS + 1
        try:
            while count < commands and time.monotonic() < give_up:
                command = source.next()
                reply = client.call(command[0], command[1], command[2], command[3])
                check_reply(wallet, *command, reply)
                count += 1
                for code in [reply[0]] + [row[0] for row in reply[1] if command[0] == "batch" and reply[0] == "OK"]:
                    codes[code] = codes.get(code, 0) + 1
                if count % WHOLE_CHECK_EVERY == 0:
                    check_whole(client, wallet)
            check_whole(client, wallet)
            node.kill()
            node.start()
            with Client(node.endpoint) as again:
                check_whole(again, wallet)
        except Differs as differs:
            raise Differs(f"command {count}: {differs}") from None
        demand(not node.stderr(), node.stderr())
    return count, codes


# --- concurrent ---------------------------------------------------------------------------------------------

CLIENTS, WINDOW, START_BALANCE = 4, 16, 1000


class Worker(threading.Thread):
    """One client that keeps a window of transfers, batches, groups and repeats in flight."""
    def __init__(self, endpoint, seed, names, seconds):
        super().__init__()
        self.endpoint, self.names, self.seconds = endpoint, names, seconds
        self.random = random.Random(seed)
        self.outcomes = {}  # id of a transfer -> (code, source, target, amount)
        self.groups = {}    # id of a group -> (code, ids of its items)
        self.failure = None

    def run(self):
        try:
            self.work()
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure

    def work(self):
        in_flight, give_up = {}, time.monotonic() + self.seconds
        with Client(self.endpoint) as client:
            while in_flight or time.monotonic() < give_up:
                while len(in_flight) < WINDOW and time.monotonic() < give_up:
                    rows = [self.row() for _ in range(self.random.choice((1, 1, 5, 20)))]
                    in_flight[client.send("batch", rows)] = rows
                request, code, answers = client.receive()
                rows = in_flight.pop(request)
                demand(code == "OK" and len(answers) == len(rows), f"{code} {answers}")
                for row, answer in zip(rows, answers):
                    self.note(row, answer)

    def item(self):
        if self.outcomes and self.random.random() < 0.1:  # the same id again
            transaction = self.random.choice(list(self.outcomes))
            return [1, transaction, *self.outcomes[transaction][1:], "KRW"]
        source, target = self.random.sample(self.names, 2)
        return [1, new_id(self.random), source, target, self.random.choice((1, 10, 100, 900)), "KRW"]

    def row(self):
        if self.random.random() < 0.2:
            items = []
            for _ in range(3):
                source, target = self.random.sample(self.names, 2)
                items.append([1, new_id(self.random), source, target, self.random.choice((1, 5, 300)), "KRW"])
            return [4, new_id(self.random), items]
        return self.item()

    def note(self, row, answer):
        if row[0] == 4:
            demand(answer[0] in ("OK", "INSUFFICIENT_FUNDS"), f"group: {answer}")
            rows = answer[2]
            demand(all((each[0] == "OK") == (answer[0] == "OK") for each in rows), f"half a group: {answer}")
            self.groups[row[1]] = (answer[0], [item[1] for item in row[2]])
            for item, each in zip(row[2], rows):
                if each[0] == "OK":
                    self.outcomes_member(item)
            return
        demand(answer[0] in ("OK", "INSUFFICIENT_FUNDS"), f"{row}: {answer}")
        before = self.outcomes.get(row[1])
        demand(before is None or before[0] == answer[0], f"{row}: first {before}, then {answer}")
        self.outcomes[row[1]] = (answer[0], row[2], row[3], row[4])

    def outcomes_member(self, item):
        self.groups.setdefault("members", ("", {}))[1][item[1]] = tuple(item[2:5])


def run_concurrent(program, seed, partitions, seconds):
    with Node(program, partitions=partitions) as node, Client(node.endpoint) as client:
        names = [f"c{index}" for index in range(12)]
        for name in names:
            client.open(name, currency="KRW")
            client.expect_ok("deposit", {"transaction_id": new_id(), "to_account": name,
                                         "amount": START_BALANCE, "currency": "KRW"})
        workers = [Worker(node.endpoint, seed * 100 + index, names, seconds) for index in range(CLIENTS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for worker in workers:
            if worker.failure:
                raise worker.failure
        moved = check_concurrent(client, workers, names)
        before = client.accounts()
        node.kill()
        node.start()
        with Client(node.endpoint) as again:
            demand(again.accounts() == before, "accounts differ after a crash")
        demand(not node.stderr(), node.stderr())
    return moved


def check_concurrent(client, workers, names):
    expected = dict.fromkeys(names, START_BALANCE)
    done = {}
    for worker in workers:
        done.update({key: value[1:] for key, value in worker.outcomes.items() if value[0] == "OK"})
        done.update(worker.groups.get("members", ("", {}))[1])
    for source, target, amount in done.values():
        expected[source] -= amount
        expected[target] += amount
    accounts = client.accounts()
    demand({name: accounts[name]["balance"] for name in names} == expected, "balances are not the acknowledged moves",
           expected, {name: accounts[name]["balance"] for name in names})
    for name in names:
        check_walk(client, name, done)
    return len(done)


def check_walk(client, name, done):
    """The history of one account: each move once, no overdraft at any moment, each balance the sum before it."""
    balance, out, seen = 0, {}, set()
    for entry in reversed(client.history(name)):
        if entry["direction"]:
            balance += entry["amount"] if entry["direction"] == "in" else -entry["amount"]
        demand(entry["balance"] == balance and balance >= 0, f"history of {name}: {entry} after {balance}")
        transaction = entry["transaction_id"]
        if entry["kind"] == "returned":
            out.pop(transaction)
        elif entry["kind"] in ("transfer", "sent", "received"):
            key = (transaction, entry["direction"])
            demand(key not in seen, f"history of {name}: {key} twice")
            seen.add(key)
            out[transaction] = entry
    mine = {key for key, value in done.items() if name in value[:2]}
    demand(set(out) == mine, f"history of {name}: moves that nobody acknowledged, or lost ones", set(out) ^ mine)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--commands", type=int, default=10**9, help="of a sequential run")
    options.add_argument("--seconds", type=float, default=5, help="of each run")
    options.add_argument("--partitions", type=int, help="1, 2 and 3 in turn if left out")
    options.add_argument("--mode", choices=("sequential", "concurrent", "both"), default="both")
    given = options.parse_args()
    failed = False
    for partitions in (given.partitions,) if given.partitions else (1, 2, 3):
        try:
            if given.mode != "concurrent":
                count, codes = run_sequential(given.teller, given.seed, partitions, given.commands, given.seconds)
                print(f"{partitions} partitions, seed {given.seed}: {count} commands agree; "
                      + ", ".join(f"{code} {codes[code]}" for code in sorted(codes)))
            if given.mode != "sequential":
                moved = run_concurrent(given.teller, given.seed, partitions, given.seconds / 2)
                print(f"{partitions} partitions, seed {given.seed}: {moved} concurrent moves add up")
        except Differs as differs:
            print(f"{differs}\nagain: {Path(__file__).name} --teller {given.teller} --seed {given.seed} "
                  f"--partitions {partitions} --mode {given.mode} --seconds {given.seconds}")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
