"""Events of the real server, as its subscribers see them: streams that stop, die and resume; webhooks that fail, are slow
and die. What was delivered is compared with the histories of all accounts: nothing is missing, and all is in order.

  events.py --teller PATH [--only NAME]
"""
import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

import zmq  # noqa: E402

from client import Client, new_id, pack, unpack  # noqa: E402
from node import Node  # noqa: E402

PARTITIONS = 2
PATIENCE_S = 60

CASES = []


def case(function):
    CASES.append(function)
    return function


class World:
    """A node with some accounts, where money can be moved."""
    def __init__(self, program, *options):
        self.node = Node(program, partitions=PARTITIONS)
        self.events = f"ipc://{self.node.scratch}/events"
        self.node.options += ["--events", self.events, "--webhook-allow-http", *options]
        self.node.start()
        self.client = Client(self.node.endpoint)
        self.accounts = [f"account-{i}" for i in range(8)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.node.destroy()

    def open_accounts(self):
        for account in self.accounts:
            self.client.open(account, currency="USD")
            self.client.expect_ok("deposit", {"transaction_id": new_id(), "to_account": account,
                                              "amount": 100000, "currency": "USD"})

    def move(self, count):
        """That many transfers, most of them between partitions."""
        items = [{"kind": "transfer", "transaction_id": new_id(), "from_account": self.accounts[i % 8],
                  "to_account": self.accounts[(i * 3 + 1) % 8], "amount": 1, "currency": "USD",
                  "memo": 'a "quoted" memo'} for i in range(count) if i % 8 != (i * 3 + 1) % 8]
        for first in range(0, len(items), 500):
            self.client.expect_ok("batch", items[first:first + 500])

    def expected(self):
        """The positions of all that histories tell, by partition, with the accounts that each is about."""
        found = [{} for _ in range(PARTITIONS)]
        for partition in range(PARTITIONS):
            for own in (f"house:cash:USD:{partition}", f"transit:USD:{1 - partition}:{partition}"):
                if self.client.call("account.show", {"account": own})[0] == "OK":
                    for entry in self.client.history(own):
                        found[partition].setdefault(entry["position"], entry)
            cursor = f"{partition}:0"
            while cursor and cursor.startswith(f"{partition}:"):
                page = self.client.expect_ok("account.list", {"limit": 1000, "cursor": cursor})
                for account in page["accounts"]:
                    for entry in self.client.history(account["account"]):
                        found[partition].setdefault(entry["position"], entry)
                cursor = page["cursor"]
        return found

    def check(self, seen):
        """seen: events by partition, in the order of their first arrival."""
        for partition, expected in enumerate(self.expected()):
            positions = [event["position"] for event in seen[partition]]
            assert positions == sorted(set(positions)), "events out of order"
            assert positions == sorted(expected), \
                f"partition {partition}: {len(positions)} events, {len(expected)} entries of histories"
            for event in seen[partition]:
                entry = expected[event["position"]]
                assert event["kind"] == entry["kind"] and event["time"] == entry["time"], (event, entry)
                assert event["amount"] in (entry["amount"], None) and event["memo"] == entry["memo"]


class Stream:
    """A subscriber that keeps its own cursors, as docs/EVENTS.md tells it to."""
    def __init__(self, world, name="stream", cursors=None, credit=1000, queue=1000):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvhwm = queue
        self.socket.connect(world.events)
        self.cursors = [0] * PARTITIONS if cursors is None else list(cursors)
        self.seen = [[] for _ in range(PARTITIONS)]
        self.repeated = 0
        deadline = time.monotonic() + PATIENCE_S
        while True:  # a node that has just started may not have opened its journals yet
            self.send(["subscribe", 1, name, self.cursors, credit])
            message = self.receive()
            if message[0] == "subscribed":
                break
            assert message[:2] == ["error", "BUSY"] and time.monotonic() < deadline, message
        assert message[1] == 1 and len(message[2]) == PARTITIONS

    def close(self):
        self.socket.close()

    def send(self, message):
        self.socket.send(pack(message))

    def receive(self, timeout_s=PATIENCE_S):
        assert self.socket.poll(int(timeout_s * 1000)), "the stream is silent"
        return unpack(self.socket.recv())

    def take(self, message):
        """Works one message; returns the number of its events."""
        if message[0] == "heartbeat":
            return 0
        assert message[0] == "events", message
        _, partition, following, events = message
        for event in events:
            assert event["partition"] == partition
            assert event["position"] < following
            if event["position"] < self.cursors[partition]:
                self.repeated += 1
                continue
            self.seen[partition].append(event)
        assert following > self.cursors[partition]
        self.cursors[partition] = following
        return len(events)

    def read(self, count):
        """Reads until so many events have been seen, giving credit for what was taken."""
        while self.count() < count:
            taken = self.take(self.receive())
            if taken:
                self.send(["credit", taken])

    def count(self):
        return sum(map(len, self.seen))


def event_count(world):
    return sum(map(len, world.expected()))


@case
def a_stream_sees_every_event_in_order(program):
    with World(program) as world:
        world.open_accounts()
        world.move(3000)
        stream = Stream(world, credit=100)
        stream.read(event_count(world))
        world.check(stream.seen)
        world.move(500)  # and what comes while it listens
        stream.read(event_count(world))
        world.check(stream.seen)
        stream.close()


@case
def a_subscriber_that_dies_resumes_without_a_gap(program):
    with World(program) as world:
        world.open_accounts()
        world.move(2000)
        total = event_count(world)
        stream = Stream(world, credit=300)
        while stream.count() < total // 2:
            stream.send(["credit", stream.take(stream.receive())])
        stream.receive()  # it dies with this one in hand
        stream.close()
        again = Stream(world, cursors=stream.cursors)
        again.seen = stream.seen
        again.read(total)
        world.check(again.seen)
        again.close()


@case
def a_server_that_dies_goes_on_where_the_subscriber_says(program):
    with World(program) as world:
        world.open_accounts()
        world.move(1000)
        stream = Stream(world)
        stream.read(event_count(world))
        world.node.kill()
        world.node.start()
        world.client = Client(world.node.endpoint)
        again = Stream(world, cursors=stream.cursors)
        again.seen = stream.seen
        world.move(1000)  # between accounts whose opening this publisher has not seen
        again.read(event_count(world))
        world.check(again.seen)
        stream.close()
        again.close()


@case
def a_stream_that_stops_reading_gets_no_more_than_its_credit_and_slows_nobody(program):
    with World(program) as world:
        world.open_accounts()
        idle = Stream(world, name="idle", credit=10)
        deaf = Stream(world, name="deaf", credit=1000000, queue=1)
        for _ in range(20):
            world.move(3000)  # every answer comes
        other = Stream(world, name="other")
        total = event_count(world)
        other.read(total)
        world.check(other.seen)
        got = 0
        while idle.socket.poll(200):
            got += idle.take(idle.receive())
        assert got == 10, got
        deaf.read(total)  # it was only late
        world.check(deaf.seen)
        for stream in (idle, deaf, other):
            stream.close()


@case
def a_cursor_that_is_none_is_refused(program):
    with World(program) as world:
        world.open_accounts()
        world.move(100)
        stream = Stream(world)
        stream.read(event_count(world))
        good = [events[len(events) // 2]["position"] for events in stream.seen]
        for partition in range(PARTITIONS):
            for wrong in (good[partition] + 1, stream.cursors[partition] + 1000, 2**63 - 1, -1, "x", 1.5):
                cursors = list(good)
                cursors[partition] = wrong
                stream.send(["subscribe", 1, "stream", cursors, 10])
                while (message := stream.receive())[0] in ("events", "heartbeat"):
                    pass
                assert message[0] == "error" and message[1] == "INVALID_FIELD" and message[2] == "cursor", message
        stream.close()


@case
def what_is_no_message_is_answered_and_changes_nothing(program):
    with World(program) as world:
        world.open_accounts()
        stream = Stream(world)
        for frames in ([b""], [b"\xdd\xff\x00\x00\x00"], [b"\xc1"], [pack("subscribe")], [pack([])], [pack(["credit"])],
                       [pack(["credit", -1])], [pack(["credit", 10**9])], [pack(["nothing"])], [b"x"] * 100,
                       [pack(["subscribe", 2, "x", None, 1])], [pack(["subscribe", 1, "a b", None, 1])],
                       [pack(["subscribe", 1, "x" * 33, None, 1])], [pack(["subscribe", 1, "x", [0], 1])]):
            stream.socket.send_multipart(frames)
            while (message := stream.receive())[0] in ("events", "heartbeat"):
                stream.take(message)
            assert message[0] == "error", (frames, message)
        assert world.node.is_alive()
        stream.read(event_count(world))
        world.check(stream.seen)
        other = zmq.Context.instance().socket(zmq.DEALER)
        other.linger = 0
        other.connect(world.events)
        other.send(pack(["credit", 5]))
        assert unpack(other.recv())[:2] == ["error", "NOT_FOUND"]
        other.close()
        stream.close()


@case
def a_newer_stream_takes_the_name(program):
    with World(program) as world:
        old = Stream(world)
        new = Stream(world)
        assert old.receive()[:3] == ["error", "CONFLICT", "name"]
        old.close()
        new.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--teller", required=True)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    for function in CASES:
        if arguments.only in (None, function.__name__):
            print(function.__name__, flush=True)
            function(arguments.teller)


if __name__ == "__main__":
    main()
