"""Events of the real server, as its subscribers see them: streams that stop, die and resume; webhooks that fail, are slow
and die. What was delivered is compared with the histories of all accounts: nothing is missing, and all is in order.

  events.py --teller PATH [--only NAME]
"""
import argparse
import hashlib
import hmac
import http.server
import json
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

import zmq  # noqa: E402

from client import Client, new_id, pack, unpack  # noqa: E402
from node import Node  # noqa: E402

PARTITIONS = 2
PATIENCE_S = 60
SECRET = "a secret of a subscriber"

CASES = []


def case(function):
    CASES.append(function)
    return function


class World:
    """A node with some accounts, where money can be moved."""
    def __init__(self, program, *options):
        self.node = Node(program, partitions=PARTITIONS, prefix=("/bin/sh", "-c", 'exec "$0" "$@" >>"$OUT"'))
        self.node.environment["OUT"] = str(self.node.scratch / "stdout")
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

    def log(self):
        return (self.node.scratch / "stdout").read_text(encoding="utf-8") + self.node.stderr()

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


# --- webhooks ----------------------------------------------------------------------------------------------


class Webhook:
    """A server that takes events as its `answer` says: a function from (event, how often it came) to a status, None for
    hanging up. Every post's signature is verified."""
    def __init__(self, answer=lambda event, times: 204):
        self.answer = answer
        self.taken = [[] for _ in range(PARTITIONS)]
        self.posts = []  # (partition, position) as they came
        self.faults = []
        self.changed = threading.Condition()
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = webhook.take(self.headers, body)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def take(self, headers, body):
        signed = headers["Teller-Timestamp"].encode() + b"." + body
        right = "v1=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        event = json.loads(body)
        key = f"{event['partition']}:{event['position']}"
        with self.changed:
            if not hmac.compare_digest(right, headers["Teller-Signature"]):
                self.faults.append("the signature is wrong")
            if abs(time.time() - int(headers["Teller-Timestamp"])) > 300:
                self.faults.append("the time is wrong")
            if headers["Teller-Event"] != key or headers["Idempotency-Key"] != key:
                self.faults.append("the key is wrong")
            self.posts.append((event["partition"], event["position"]))
            times = self.posts.count(self.posts[-1])
            self.changed.notify_all()  # the answer may take its time: who waits for the post sees it now
        status = self.answer(event, times)
        with self.changed:
            seen = self.taken[event["partition"]]
            if status is not None and status < 300 and event["position"] not in [e["position"] for e in seen]:
                seen.append(event)
            self.changed.notify_all()
        return status

    def count(self):
        return sum(map(len, self.taken))

    def wait(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), "the webhook waits in vain"
        assert not self.faults, self.faults

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def add(world, webhook, name="hook", start="start"):
    return world.client.expect_ok("subscriber.add", {"name": name, "url": webhook.url, "secret": SECRET, "from": start})


def subscriber(world, name="hook"):
    listed = world.client.expect_ok("subscriber.list")["subscribers"]
    return next(one for one in listed if one["name"] == name)


def until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it does not come to be"
        time.sleep(0.01)


@case
def a_webhook_gets_every_event_signed_and_in_order(program):
    with World(program) as world:
        world.open_accounts()
        webhook = Webhook()
        add(world, webhook)
        world.move(300)
        webhook.wait(lambda: webhook.count() >= event_count(world))
        world.check(webhook.taken)
        event = webhook.taken[0][-1]
        assert uuid.UUID(event["transaction_id"]) and event["memo"] == 'a "quoted" memo'
        assert isinstance(event["amount"], int) and isinstance(event["from_balance"] or 0, int)
        until(lambda: subscriber(world)["lag"] == 0)
        webhook.close()


@case
def a_webhook_that_fails_hangs_up_or_dies_gets_all_in_the_end(program):
    with World(program, "--webhook-retry-ms", "1") as world:
        world.open_accounts()

        def answer(event, times):
            if event["position"] % 3 == 0 and times == 1:
                return 500
            return None if event["position"] % 5 == 0 and times < 3 else 200
        webhook = Webhook(answer)
        add(world, webhook)
        world.move(50)
        webhook.wait(lambda: webhook.count() >= 20)
        world.node.kill()  # in the middle
        world.node.start()
        world.client = Client(world.node.endpoint)
        world.move(50)
        webhook.wait(lambda: webhook.count() >= event_count(world))
        world.check(webhook.taken)
        webhook.close()


@case
def a_slow_webhook_slows_nobody_else(program):
    with World(program) as world:
        world.open_accounts()
        freed = threading.Event()
        slow = Webhook(lambda event, times: 200 if freed.wait(PATIENCE_S) else 500)
        fast = Webhook()
        add(world, slow, "slow")
        add(world, fast, "fast")
        slow.wait(lambda: len(slow.posts) == 1)
        world.move(200)  # every answer comes
        fast.wait(lambda: fast.count() >= event_count(world))
        world.check(fast.taken)
        assert len(slow.posts) == 1 and subscriber(world, "slow")["state"] == "in_flight"
        assert subscriber(world, "slow")["lag"] > 0
        world.client.expect_ok("subscriber.remove", {"name": "slow"})
        freed.set()
        for webhook in (slow, fast):
            webhook.close()


@case
def a_webhook_that_is_gone_stops_and_one_from_now_gets_no_past(program):
    with World(program) as world:
        world.open_accounts()
        gone = Webhook(lambda event, times: 410)
        add(world, gone, "gone")
        until(lambda: subscriber(world, "gone")["state"] == "stopped")
        fresh = Webhook()
        add(world, fresh, "fresh", "now")
        world.move(8)
        fresh.wait(lambda: fresh.count() >= 1)
        assert all(event["kind"] not in ("opened", "deposit") or event["account"].startswith("transit:")
                   for events in fresh.taken for event in events), fresh.taken
        assert len(gone.posts) == 1
        for webhook in (gone, fresh):
            webhook.close()


@case
def dead_letters_are_listed_tried_again_and_resolved_by_an_operator(program):
    with World(program, "--webhook-retry-ms", "1") as world:
        world.open_accounts()
        is_well = threading.Event()
        webhook = Webhook(lambda event, times: 200 if event["kind"] != "deposit" or is_well.is_set() else 503)
        add(world, webhook)
        until(lambda: subscriber(world)["dead_letters"] == 8)
        until(lambda: subscriber(world)["lag"] == 0)

        def teller(*arguments, json_too=True):
            options = ["--json"] if json_too else []
            return world.node.try_run(*arguments, "--connect", world.node.endpoint, *options)

        letters = json.loads(teller("deadletter", "list").stdout)["letters"]
        assert len(letters) == 8 and all(letter["tries"] == 10 and letter["error"] == "status 503" for letter in letters)
        assert len(json.loads(teller("deadletter", "list", "--limit", "3").stdout)["letters"]) == 3
        first, second = letters[0], letters[1]
        assert teller("deadletter", "retry", str(first["id"]), "--operator", "ann").returncode == 0
        until(lambda: json.loads(teller("deadletter", "list").stdout)["letters"][0]["tries"] == 11)  # it is not well yet
        is_well.set()
        assert teller("deadletter", "retry", str(first["id"]), "--operator", "ann").returncode == 0
        until(lambda: subscriber(world)["dead_letters"] == 7)
        assert (first["partition"], first["position"]) == webhook.posts[-1]
        resolved = teller("deadletter", "resolve", str(second["id"]), "--operator", "bob", "--reason", "by hand")
        assert resolved.returncode == 0, resolved
        assert subscriber(world)["dead_letters"] == 6
        assert teller("deadletter", "resolve", str(second["id"]), "--operator", "bob", "--reason", "x").returncode == 1
        assert teller("deadletter", "retry", "99", "--operator", "bob").returncode == 1
        assert "is tried again: ann" in world.log() and "bob: by hand" in world.log()
        world.node.stop()
        world.node.start()
        world.client = Client(world.node.endpoint)
        assert subscriber(world)["dead_letters"] == 6
        assert SECRET not in world.log() + teller("subscriber", "list").stdout
        webhook.close()


@case
def subscribers_are_added_listed_and_removed_on_the_command_line(program):
    with World(program) as world:
        def teller(*arguments, **options):
            return world.node.try_run(*arguments, "--connect", world.node.endpoint, **options)
        secret = world.node.scratch / "secret"
        secret.write_text(SECRET + "\n")
        secret.chmod(0o600)
        arguments = ["subscriber", "add", "crm", "https://127.0.0.1:1/x", "--secret-file", secret]
        assert teller(*arguments).returncode == 0
        assert teller(*arguments).returncode == 0
        assert "crm" in teller("subscriber", "list").stdout
        assert json.loads(teller("subscriber", "list", "--json").stdout)["subscribers"][0]["url"] == "https://127.0.0.1:1/x"
        assert teller("subscriber", "remove", "crm").returncode == 0
        assert teller("subscriber", "remove", "crm").returncode == 1
        assert teller("subscriber", "add", "crm", "ftp://x", "--secret-file", secret).returncode == 1
        assert teller("subscriber", "add", "crm").returncode == 2
        for path in (world.node.data / "publisher").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path


@case
def events_are_followed_on_the_command_line(program):
    with World(program) as world:
        world.open_accounts()
        command = [world.node.program, "events", "--follow", "--events", world.events, "--from", "start"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            seen = [[] for _ in range(PARTITIONS)]
            for _ in range(event_count(world)):
                event = json.loads(process.stdout.readline())
                seen[event["partition"]].append(event)
            world.check(seen)
            world.move(100)
            while sum(map(len, seen)) < event_count(world):
                event = json.loads(process.stdout.readline())
                seen[event["partition"]].append(event)
            world.check(seen)
            process.terminate()
        once = world.node.run("events", "--events", world.events, "--from", "start")
        assert len(once.splitlines()) == event_count(world)


@case
def money_moves_without_the_publisher_when_its_store_is_damaged(program):
    with World(program) as world:
        world.open_accounts()
        world.node.stop()
        (world.node.data / "publisher" / "data.mdb").write_bytes(b"x" * 8192)
        world.node.options = []
        world.node.start()
        world.client = Client(world.node.endpoint)
        world.move(10)
        assert world.client.call("subscriber.list")[0] == "UNSUPPORTED"
        assert "events are not published" in world.log()


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
