"""The crash test: a loaded server is killed with kill -9 at random points and started again on the same
directory, over and over. Clients keep what they were told; after that must hold:

  - every acknowledged transfer is there, with the answer that was given; no refused one is
  - what was in flight is resolved by asking again with the same id, and has one outcome
  - each balance is the sum of the acknowledged moves; each history walks from zero to it, each move once
  - deposits less withdrawals are the sum of all balances; nothing stays on its way
  - `teller verify` finds nothing

Among the kills are some during recovery; between them SIGTERM under load, and SIGSTOP with SIGCONT.

  crash.py --teller PATH [--kills N] [--seed N] [--json]
  crash.py --teller PATH --self-test     loses acknowledged transfers on purpose, and must notice
"""
import argparse
import json
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from client import Client, NoAnswer, new_id, partition_of  # noqa: E402
from node import Node, NodeError  # noqa: E402

PARTITIONS, WORKERS, WINDOW, BATCH = 2, 4, 4, 100
BATCH_SLOW = 5  # ThreadSanitizer looks at each byte that comes from libzmq for a long time
ACCOUNTS, START_BALANCE, CEILING = 24, 20_000, 30_000
ANSWER_TIMEOUT_S = 60  # an answer that does not come although the server lives is a failure
REFUSALS = {"INSUFFICIENT_FUNDS", "CEILING_EXCEEDED", "ACCOUNT_NOT_FOUND", "ACCOUNT_FROZEN"}
NOT_DECIDED = {"BUSY", "UNKNOWN"}
CHECK_EVERY = 5  # kills
SAMPLE = 400
KEPT = 2000  # older moves that a worker still asks for; the others are folded into balances


class Broken(Exception):
    """A promise was not kept."""


def demand(condition, what):
    if not condition:
        raise Broken(what)


class Move:
    """One command, and what the client was told of it; answer is None as long as that is unknown."""
    __slots__ = ("row", "answer")

    def __init__(self, row):
        self.row, self.answer = row, None

    def effects(self):
        items = self.row[2] if self.row[0] == 4 else [self.row]
        for kind, _, source, target, amount, _ in items:
            if kind != 2:
                yield source, -amount
            if kind != 3:
                yield target, amount

    def note(self, answer):
        """Every answer to one id is the same."""
        if answer[0] in NOT_DECIDED:
            return False
        if answer[0] != "OK":
            causes = {answer[0]} | ({row[0] for row in answer[2]} - {"GROUP_REFUSED"} if len(answer) > 2 else set())
            demand(causes <= REFUSALS, f"{self.row}: {answer}")
        demand(self.answer is None or self.answer == answer, f"{self.row}: first {self.answer}, then {answer}")
        self.answer = answer
        return True


class Control:
    """What the main thread tells the workers."""
    def __init__(self, endpoint, batch):
        self.endpoint, self.batch = endpoint, batch
        self.generation = 0  # rises when the server is gone: what is in flight is lost
        self.may_run = threading.Event()
        self.is_done = False
        self.quiet = threading.Barrier(WORKERS + 1)


class Worker(threading.Thread):
    def __init__(self, control, seed, names):
        super().__init__(daemon=True)
        self.control, self.names = control, names
        self.random = random.Random(seed)
        self.moves, self.kept, self.unknown, self.in_flight = [], [], [], {}
        self.resolved = self.repeats = 0
        self.failure = None

    # --- what it sends ----------------------------------------------------------------------------------

    def item(self, sources=None):
        source, target = self.random.choice(sources or self.names), self.random.choice(self.names + ["nobody"])
        kind = self.random.choice((1,) * 8 + (2, 3))
        amount = self.random.choice((1, 7, 50, 400, 3000))
        if kind == 2:
            return [2, new_id(self.random), None, source, amount, "CZK"]
        if kind == 3:
            return [3, new_id(self.random), source, None, amount, "CZK"]
        if source == target:
            target = self.names[0] if source != self.names[0] else self.names[1]
        return [1, new_id(self.random), source, target, amount, "CZK"]

    def command(self):
        """(moves, partition of the header)"""
        kind = self.random.random()
        known = self.moves if self.random.random() < 0.5 else self.kept
        if known and kind < 0.1:  # asked again although the answer is known, or still on its way
            self.repeats += 1
            return [self.random.choice(known)], None
        if kind < 0.4:
            return [self.new(self.item())], None
        if kind < 0.6:
            return [self.new([4, new_id(self.random), [self.item() for _ in range(self.random.choice((2, 3, 8)))]])
                    for _ in range(self.control.batch // 20 or 1)], None
        if kind < 0.8:  # the fast way: all of one partition, as the header says
            partition = self.random.randrange(PARTITIONS)
            sources = [name for name in self.names if partition_of(name, PARTITIONS) == partition]
            return [self.new(self.item(sources)) for _ in range(self.control.batch)], partition
        return [self.new(self.item()) for _ in range(self.control.batch)], None

    def new(self, row):
        move = Move(row)
        self.moves.append(move)
        return move

    def send(self, client, moves, partition=None):
        self.in_flight[client.send("batch", [move.row for move in moves], partition)] = moves

    # --- its life ---------------------------------------------------------------------------------------

    def run(self):
        try:
            while not self.control.is_done:
                self.live_with_one_connection()
        except threading.BrokenBarrierError:
            pass
        except Exception as failure:  # pylint: disable=broad-except
            self.failure = failure
            self.control.quiet.abort()

    def live_with_one_connection(self):
        generation = self.control.generation
        with Client(self.control.endpoint) as client:
            self.resend(client)
            last_answer = time.monotonic()
            while generation == self.control.generation and not self.control.is_done:
                if self.control.may_run.is_set():
                    while len(self.in_flight) < WINDOW:
                        self.send(client, *self.command())
                elif not self.in_flight and not self.unknown:
                    self.control.quiet.wait()  # all is answered
                    self.control.quiet.wait()  # go on
                    last_answer = time.monotonic()
                    continue
                if not self.in_flight:
                    self.resend(client)
                try:
                    self.take(client.receive(0.1))
                    last_answer = time.monotonic()
                except NoAnswer:
                    if time.monotonic() - last_answer > ANSWER_TIMEOUT_S:
                        raise Broken(self.silence()) from None
            if not self.control.is_done:  # the server is gone
                for moves in self.in_flight.values():
                    self.unknown += [move for move in moves if move.answer is None]
                self.in_flight.clear()

    def silence(self):
        """What is known of requests that nobody answers."""
        with Client(self.control.endpoint) as other:
            status = other.expect_ok("status")
        rows = {request: [move.row for move in moves][:3] for request, moves in self.in_flight.items()}
        return f"not answered for {ANSWER_TIMEOUT_S} s: {rows}\n{json.dumps(status)}"

    def resend(self, client):
        """What is unknown is asked again with the same ids, a batch a message."""
        unknown, self.unknown = list(dict.fromkeys(self.unknown)), []
        self.resolved += len(unknown)
        for begin in range(0, len(unknown), self.control.batch):
            self.send(client, unknown[begin:begin + self.control.batch])

    def take(self, reply):
        request, code, answers = reply
        moves = self.in_flight.pop(request)
        if code in NOT_DECIDED:
            self.unknown += [move for move in moves if move.answer is None]
            return
        demand(code == "OK" and len(answers) == len(moves), f"{code} {answers}")
        for move, answer in zip(moves, answers):
            if not move.note(answer) and move.answer is None:
                self.unknown.append(move)


class Crash:
    def __init__(self, program, seed):
        self.node = Node(program, partitions=PARTITIONS)
        self.random = random.Random(seed)
        self.names = [f"wallet-{number}" for number in range(ACCOUNTS)]
        self.recovery_ms = []
        self.checked = {}  # by account: position and balance up to which all has been checked
        self.totals = {"commands": 0, "acknowledged": 0, "refused": 0}
        self.node.start()
        self.set_up(seed)

    def set_up(self, seed):
        with Client(self.node.endpoint) as client:
            for number, name in enumerate(self.names):
                client.open(name, ceiling=CEILING if number % 3 == 0 else None)
                client.expect_ok("deposit", {"transaction_id": new_id(), "to_account": name, "amount": START_BALANCE,
                                             "currency": "CZK"})
                self.checked[name] = (client.history(name)[0]["position"], START_BALANCE)
            entry = client.expect_ok("history", {"account": self.names[0], "limit": 1})["entries"][0]
            house = entry["counterparty"].rpartition(":")[0]
            self.houses = [f"{house}:{partition}" for partition in range(PARTITIONS)]
        slow = self.node.is_built_with(b"libtsan.so")
        self.control = Control(self.node.endpoint, BATCH_SLOW if slow else BATCH)
        self.workers = [Worker(self.control, seed * 1000 + number, self.names) for number in range(WORKERS)]
        self.control.may_run.set()
        for worker in self.workers:
            worker.start()

    def load(self, seconds):
        """Lets the workers go on for so long, and looks after them."""
        time.sleep(seconds)
        for worker in self.workers:
            if worker.failure:
                raise worker.failure

    def restart(self):
        self.control.generation += 1
        started = time.monotonic()
        self.node.start()
        self.recovery_ms.append(round((time.monotonic() - started) * 1000))

    def kill(self):
        self.load(self.random.uniform(0.05, 0.9))
        self.node.kill()
        while self.random.random() < 0.25:  # again, while it recovers
            self.node.start_only()
            time.sleep(self.random.uniform(0, 0.05))
            self.node.kill()
        self.restart()

    def terminate(self):
        """SIGTERM under load: it ends by itself and says that all is well."""
        self.load(self.random.uniform(0.1, 0.5))
        code = self.node.stop()
        demand(code == 0, f"after SIGTERM the exit code is {code}\n{self.node.stderr()}")
        self.restart()

    def freeze(self):
        """A stopped process goes on as if nothing had been."""
        self.load(self.random.uniform(0.1, 0.3))
        self.node.signal(signal.SIGSTOP)
        time.sleep(0.5)
        self.node.signal(signal.SIGCONT)
        self.load(0.2)

    # --- what must hold -----------------------------------------------------------------------------------

    def check(self, is_last=False):
        """Everything is answered first; then the workers wait."""
        self.control.may_run.clear()
        try:
            self.control.quiet.wait(ANSWER_TIMEOUT_S * 2)
        except threading.BrokenBarrierError:
            raise next((worker.failure for worker in self.workers if worker.failure),
                       Broken("not every request is answered")) from None
        with Client(self.node.endpoint) as client:
            self.check_transit(client)
            self.check_balances(client)
            self.check_histories(client)
            self.check_answers(client)
        self.fold()
        self.control.is_done = is_last
        self.control.may_run.set()
        self.control.quiet.wait()

    def fold(self):
        """What has been checked is forgotten, but for some older moves that are asked for again."""
        for worker in self.workers:
            for move in worker.moves:
                self.totals["commands"] += 1
                self.totals["acknowledged" if move.answer[0] == "OK" else "refused"] += 1
            older = worker.kept + worker.moves
            worker.kept = self.random.sample(older, min(KEPT, len(older)))
            worker.moves = []

    def moves(self):
        return [move for worker in self.workers for move in worker.moves]

    def check_transit(self, client):
        give_up = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            partitions = client.expect_ok("status")["partitions"]
            left = [(each["transfers_in_transit"], each["groups_open"]) for each in partitions]
            if not any(map(any, left)):
                return
            demand(time.monotonic() < give_up, f"still on their way: {left}")

    def check_balances(self, client):
        expected = {name: balance for name, (_, balance) in self.checked.items()}
        for move in self.moves():
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

    def check_answers(self, client):
        """A sample of all, and the latest: shown as answered, and answered alike when asked again."""
        sample = [move for worker in self.workers for move in worker.moves[-SAMPLE // WORKERS:]]
        for moves in (self.moves(), [move for worker in self.workers for move in worker.kept]):
            sample += self.random.sample(moves, min(SAMPLE, len(moves)))
        asked = {client.send("transfer.show", {"transaction_id": move.row[1]}): move for move in sample}
        for _ in range(len(sample)):
            request, code, shown = client.receive()
            move = asked[request]
            wanted = ("success" if move.answer[0] == "OK" else "failed", move.answer[0])
            demand(code == "OK" and (shown["status"], shown["code"]) == wanted, f"{move.row} {move.answer}: {shown}")
        for begin in range(0, len(sample), self.control.batch):
            part = sample[begin:begin + self.control.batch]
            code, answers = client.call("batch", [move.row for move in part])
            demand(code == "OK", code)
            for move, answer in zip(part, answers):
                demand(move.note(answer), f"{move.row}: {answer}")

    def check_histories(self, client):
        done = {name: {} for name in self.names}
        for move in self.moves():
            if move.answer[0] == "OK":
                for item in move.row[2] if move.row[0] == 4 else [move.row]:
                    for account, sign in ((item[2], -1), (item[3], 1)):
                        if account is not None:
                            done[account][item[1]] = sign * item[4]
        for name in self.names:
            self.check_history(client, name, done[name])

    def check_history(self, client, name, done):
        """The entries since the last check: each move once, each balance the sum before it."""
        last, balance = self.checked[name]
        seen = {}
        entries = self.newer_entries(client, name, last)
        for entry in reversed(entries):
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
        self.checked[name] = (entries[0]["position"] if entries else last, balance)

    @staticmethod
    def newer_entries(client, name, last):
        entries, cursor = [], None
        while True:
            page = client.expect_ok("history", {"account": name, "limit": 1000, "cursor": cursor})
            entries += [entry for entry in page["entries"] if entry["position"] > last]
            cursor = page["cursor"]
            if cursor is None or page["entries"][-1]["position"] <= last:
                return entries

    def verify(self):
        """Offline, by the program's own means."""
        code = self.node.stop()
        demand(code == 0, f"at the end the exit code is {code}\n{self.node.stderr()}")
        result = self.node.try_run("verify", "--data", self.node.data)
        demand(result.returncode == 0, f"teller verify: exit {result.returncode}\n{result.stdout}{result.stderr}")

    def report(self, kills, seconds):
        return {"kills": kills, **self.totals,
                "asked_again": sum(worker.resolved for worker in self.workers),
                "repeats": sum(worker.repeats for worker in self.workers),
                "recovery_max_ms": max(self.recovery_ms, default=0), "seconds": round(seconds, 1)}


def run(crash, kills, say):
    for number in range(1, kills + 1):
        crash.kill()
        if number % CHECK_EVERY == 0:
            crash.check()
            say(f"{number} kills: {crash.totals['commands']} commands, all accounted for")
        if number % CHECK_EVERY == 2:
            crash.freeze()
        if number % CHECK_EVERY == 4:
            crash.terminate()
    crash.check(is_last=True)
    crash.verify()


def self_test(program):
    """Two kills; after the second the disk is as it was at the first."""
    crash = Crash(program, 1)
    older = crash.node.scratch / "older"
    try:
        crash.load(0.3)
        crash.node.kill()
        shutil.copytree(crash.node.data, older)
        crash.restart()
        crash.load(1.0)
        crash.node.kill()
        shutil.rmtree(crash.node.data)
        older.rename(crash.node.data)
        crash.restart()
        crash.check()
    except Broken as noticed:
        print(f"noticed: {str(noticed)[:300]}")
        return 0
    finally:
        crash.node.destroy()
    print("FAILED: acknowledged transfers were lost, and nobody noticed")
    return 1


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, help="of the load and the moments; the clock has its part too")
    options.add_argument("--json", action="store_true", help="the report as one line of JSON")
    options.add_argument("--self-test", action="store_true")
    given = options.parse_args()
    if given.self_test:
        return self_test(given.teller)
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    started = time.monotonic()
    crash = Crash(given.teller, seed)
    try:
        run(crash, given.kills, lambda text: None if given.json else print(text, flush=True))
    except (Broken, NodeError) as problem:
        print(f"FAILED with --seed {seed}: {problem}", file=sys.stderr)
        print(f"the data directory is kept: {crash.node.data}", file=sys.stderr)
        crash.node.kill()
        return 1
    report = {"seed": seed, **crash.report(given.kills, time.monotonic() - started)}
    print(json.dumps(report) if given.json else ", ".join(f"{key} {value}" for key, value in report.items()))
    crash.node.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
