"""What must hold at a quiet moment, whatever has happened:

  - every acknowledged transfer is there, with the answer that was given; no refused one is
  - what was in flight has been resolved by asking again with the same id, and has one outcome
  - each balance is the sum of the acknowledged moves; each history walks to it, each move once, and its times never go back
  - deposits less withdrawals are the sum of all balances; nothing stays on its way
  - `teller verify` finds nothing
"""
import time

from client import Client, new_id
from load import ANSWER_TIMEOUT_S, PARTITIONS, WORKERS, demand

ACCOUNTS, START_BALANCE, CEILING = 24, 20_000, 30_000
SAMPLE = 400
KEPT = 2000  # older moves that a worker still asks for; the others are folded into balances


class Books:
    """The accounts, and what has been found of each so far."""
    def __init__(self, node, random):
        self.node, self.random = node, random
        self.names = [f"wallet-{number}" for number in range(ACCOUNTS)]
        self.checked = {}  # by account: position, balance and time up to which all has been checked
        self.totals = {"commands": 0, "acknowledged": 0, "refused": 0}
        with Client(node.endpoint) as client:
            for number, name in enumerate(self.names):
                client.open(name, ceiling=CEILING if number % 3 == 0 else None)
                client.expect_ok("deposit", {"transaction_id": new_id(), "to_account": name, "amount": START_BALANCE,
                                             "currency": "CZK"})
                entry = client.history(name)[0]
                self.checked[name] = (entry["position"], START_BALANCE, entry["time"])
            entry = client.expect_ok("history", {"account": self.names[0], "limit": 1})["entries"][0]
            house = entry["counterparty"].rpartition(":")[0]
            self.houses = [f"{house}:{partition}" for partition in range(PARTITIONS)]

    def check(self, load):
        """All of the above; the load is paused."""
        with Client(self.node.endpoint) as client:
            self.check_transit(client)
            self.check_balances(client, load)
            self.check_histories(client, load)
            self.check_answers(client, load)
        self.verify()
        self.fold(load)

    def verify(self):
        """By the program's own means; it may be serving meanwhile."""
        result = self.node.try_run("verify", "--data", self.node.data, timeout_s=600)
        demand(result.returncode == 0, f"teller verify: exit {result.returncode}\n{result.stdout}{result.stderr}")

    def fold(self, load):
        """What has been checked is forgotten, but for some older moves that are asked for again."""
        for worker in load.workers:
            for move in worker.moves:
                self.totals["commands"] += 1
                self.totals["acknowledged" if move.answer[0] == "OK" else "refused"] += 1
            older = worker.kept + worker.moves
            worker.kept = self.random.sample(older, min(KEPT, len(older)))
            worker.moves = []

    def check_transit(self, client):
        give_up = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            partitions = client.expect_ok("status")["partitions"]
            left = [(each["transfers_in_transit"], each["groups_open"]) for each in partitions]
            if not any(map(any, left)):
                return
            demand(time.monotonic() < give_up, f"still on their way: {left}")

    def check_balances(self, client, load):
        expected = {name: balance for name, (_, balance, _) in self.checked.items()}
        for move in load.moves():
            demand(move.answer is not None, f"no outcome: {move.row}")
            if move.answer[0] == "OK":
                for account, amount in move.effects():
                    expected[account] += amount
        accounts = client.accounts()
        actual = {name: accounts[name]["balance"] for name in self.names}
        wrong = {name: (expected[name], actual[name]) for name in self.names if expected[name] != actual[name]}
        demand(not wrong, f"balances (acknowledged, actual): {wrong}")
        cash = sum(client.expect_ok("balance", {"account": house})["balance"] for house in self.houses)
        demand(cash + sum(actual.values()) == 0, f"the houses hold {cash}, the accounts {sum(actual.values())}")

    def check_answers(self, client, load):
        """A sample of all, and the latest: shown as answered, and answered alike when asked again."""
        sample = [move for worker in load.workers for move in worker.moves[-SAMPLE // WORKERS:]]
        for moves in (load.moves(), [move for worker in load.workers for move in worker.kept]):
            sample += self.random.sample(moves, min(SAMPLE, len(moves)))
        asked = {client.send("transfer.show", {"transaction_id": move.row[1]}): move for move in sample}
        for _ in range(len(sample)):
            request, code, shown = client.receive()
            move = asked[request]
            wanted = ("success" if move.answer[0] == "OK" else "failed", move.answer[0])
            demand(code == "OK" and (shown["status"], shown["code"]) == wanted, f"{move.row} {move.answer}: {shown}")
        for begin in range(0, len(sample), load.control.batch):
            part = sample[begin:begin + load.control.batch]
            code, answers = client.call("batch", [move.row for move in part])
            demand(code == "OK", code)
            for move, answer in zip(part, answers):
                demand(move.note(answer), f"{move.row}: {answer}")

    def check_histories(self, client, load):
        done = {name: {} for name in self.names}
        for move in load.moves():
            if move.answer[0] == "OK":
                for item in move.row[2] if move.row[0] == 4 else [move.row]:
                    for account, sign in ((item[2], -1), (item[3], 1)):
                        if account is not None:
                            done[account][item[1]] = sign * item[4]
        for name in self.names:
            self.check_history(client, name, done[name])

    def check_history(self, client, name, done):
        """The entries since the last check: each move once, each balance the sum before it, no time before the last."""
        last, balance, latest = self.checked[name]
        seen = {}
        entries = self.newer_entries(client, name, last)
        for entry in reversed(entries):
            demand(entry["time"] >= latest, f"{name}: {entry} after one of {latest}")
            latest = entry["time"]
            if entry["direction"]:
                amount = entry["amount"] if entry["direction"] == "in" else -entry["amount"]
                balance += amount
                transaction = entry["transaction_id"]
                demand(transaction not in seen or entry["kind"] == "returned", f"{name}: {entry} twice")
                seen[transaction] = seen.get(transaction, 0) + amount
            demand(entry["balance"] == balance >= 0, f"{name}: {entry} after {balance}")
        moved = {key: amount for key, amount in seen.items() if amount != 0}
        wrong = [key for key in moved.keys() | done.keys() if moved.get(key) != done.get(key)]
        demand(not wrong, f"{name}: history and acknowledged moves differ: "
               f"{[(key.hex(), moved.get(key), done.get(key)) for key in wrong[:5]]}")
        self.checked[name] = (entries[0]["position"] if entries else last, balance, latest)

    @staticmethod
    def newer_entries(client, name, last):
        entries, cursor = [], None
        while True:
            page = client.expect_ok("history", {"account": name, "limit": 1000, "cursor": cursor})
            entries += [entry for entry in page["entries"] if entry["position"] > last]
            cursor = page["cursor"]
            if cursor is None or page["entries"][-1]["position"] <= last:
                return entries
