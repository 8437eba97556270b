"""What a hostile or broken client may send. After each: the process lives, the same connection or a new one
still answers, no balance has changed, memory and descriptors are bounded.

  wire_abuse.py --teller PATH [--only NAME]
"""
import argparse
import socket
import struct
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

import msgpack  # noqa: E402
import zmq  # noqa: E402

from client import Client, new_id, pack, unpack  # noqa: E402
from node import Node  # noqa: E402

FRAME_MAX = 4 << 20
RESIDENT_GROWTH_MAX = 256 << 20
GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)

CASES = []


def case(function):
    CASES.append(function)
    return function


class World:
    """A node with two accounts, and what must never change."""
    def __init__(self, node):
        self.node = node
        self.client = Client(node.endpoint)
        for name in ("alice", "bob"):
            self.client.open(name)
        self.client.expect_ok("deposit", {"transaction_id": new_id(), "to_account": "alice", "amount": 1000,
                                          "currency": "CZK"})
        self.accounts = self.client.accounts()
        self.resident = node.resident_bytes()
        self.growth_max = RESIDENT_GROWTH_MAX * (8 if node.is_sanitized() else 1)
        host, _, port = node.endpoint.removeprefix("tcp://").rpartition(":")
        self.address = (host, int(port))

    def transfer(self, **changed):
        """A transfer that would be carried out."""
        return {"transaction_id": new_id(), "from_account": "alice", "to_account": "bob", "amount": 1,
                "currency": "CZK", **changed}

    def connect(self):
        return socket.create_connection(self.address, timeout=10)

    def check(self):
        assert self.node.is_alive(), f"the node has ended\n{self.node.stderr()}"
        assert self.client.accounts() == self.accounts, "an account has changed"
        with Client(self.node.endpoint) as fresh:
            assert fresh.accounts() == self.accounts, "a new connection sees something else"
        grown = self.node.resident_bytes() - self.resident
        assert grown < self.growth_max, f"{grown >> 20} MiB of memory more than before"


def refused(world, frame, code="BAD_REQUEST", field="body", frames=()):
    """The client sends this frame and is answered so."""
    world.client.send_frames(*frames, frame)
    _, got, body = world.client.receive()
    wanted = (code, field)
    assert (got, body["field"] if got != "OK" else None) == wanted, f"{frame[:60]!r}: {got} {body}, not {wanted}"


def request(body, operation="transfer"):
    """Bytes of a request whose body is the given bytes."""
    return msgpack.packb([1, operation, 7, None, None])[:1].replace(b"\x95", b"\x96") + \
        b"".join(msgpack.packb(value) for value in (1, operation, 7, None, None)) + body


def shake_hands(connection):
    """ZMTP 3.0 without security, as a DEALER."""
    connection.sendall(GREETING)
    received = b""
    while len(received) < len(GREETING):
        received += connection.recv(4096)
    ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
    connection.sendall(b"\x04" + bytes([len(ready)]) + ready)


# --- the connection -------------------------------------------------------------------------------------------

@case
def silence(world):
    """TCP connections that never say anything."""
    idle = [world.connect() for _ in range(100)]
    world.check()
    for each in idle:
        each.close()


@case
def half_handshakes(world):
    """200 connections that stop in the middle of the greeting; the node lets them go."""
    before = world.node.descriptor_count()
    halves = [world.connect() for _ in range(200)]
    for index, each in enumerate(halves):
        each.sendall(GREETING[:1 + index % (len(GREETING) - 1)])
    world.check()
    give_up = time.monotonic() + 60
    for each in halves:  # closed by the node: end of file, or a reset
        each.settimeout(max(0.1, give_up - time.monotonic()))
        try:
            while each.recv(4096):
                pass
        except ConnectionError:
            pass
        each.close()
    assert world.node.descriptor_count() < before + 50, "half handshakes keep their descriptors"


@case
def garbage(world):
    """Bytes that are no ZMTP at all."""
    for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(range(256)) * 64, b"\xff" * 4096, b"\0" * 4096,
                 b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20):
        with world.connect() as connection:
            connection.sendall(data)
            world.check()


@case
def frame_that_never_ends(world):
    """A handshake, and then the promise of 2^62 bytes."""
    with world.connect() as connection:
        shake_hands(connection)
        try:
            connection.sendall(b"\x02" + struct.pack(">Q", 1 << 62) + b"x" * 65536)
        except ConnectionError:
            pass
        world.check()


@case
def client_that_leaves(world):
    """Requests whose sender is gone before the answer."""
    for _ in range(50):
        with Client(world.node.endpoint) as gone:
            for _ in range(20):
                gone.send("account.list", {"limit": 1000})
    world.check()


# --- frames ---------------------------------------------------------------------------------------------------

@case
def multipart(world):
    """More frames than a request has are dropped, without an answer and without keeping them."""
    good = pack([1, "version", 1, None, None, None])
    for frames in ((b"", b"", b"", good), (good, good), (b"", good, b"x"), (b"x", good), (good,) * 1000,
                   (b"x" * 65536,) * 64):
        world.client.send_frames(*frames)
    answers = Client(world.node.endpoint)
    answers.send_frames(*[b"y" * 1024] * 20000)
    answers.close()
    code, body = world.client.call("version")
    assert code == "OK" and body["protocol"] == 1


@case
def multipart_without_end(world):
    """Messages whose frames go on and on: the node answers others meanwhile, and their memory is used again
    when the connection ends. (libzmq keeps the frames of one message until the last has come, so what one
    connection may take is not bounded here.)"""
    for _ in range(4):
        with world.connect() as connection:
            shake_hands(connection)
            for _ in range(200):
                connection.sendall((b"\x03" + struct.pack(">Q", 1 << 16) + bytes(1 << 16)) * 10)
            assert world.client.call("version")[0] == "OK"


@case
def delimiters(world):
    """REQ, DEALER with and without a delimiter: the reply has one exactly when the request had."""
    with Client(world.node.endpoint, kind=zmq.REQ) as req:
        for _ in range(3):
            assert req.call("version")[0] == "OK"
    payload = pack([1, "version", 2**64 - 1, None, None, None])
    world.client.send_frames(b"", payload)
    assert world.client.socket.poll(10000)
    frames = world.client.socket.recv_multipart()
    assert len(frames) == 2 and frames[0] == b"" and unpack(frames[1])[1] == 2**64 - 1, frames
    world.client.send_frames(payload)
    assert world.client.socket.poll(10000)
    assert len(world.client.socket.recv_multipart()) == 1


@case
def empty_message(world):
    """An empty frame is a delimiter without a request."""
    world.client.send_frames(b"")
    world.client.send_frames(b"", b"")
    with Client(world.node.endpoint) as fresh:
        assert fresh.call("version")[0] == "OK"
    while world.client.socket.poll(200):
        world.client.socket.recv_multipart()


@case
def too_large(world):
    """A frame above the limit is dropped; at the limit it is read."""
    with Client(world.node.endpoint) as large:
        large.send_frames(b"x" * (FRAME_MAX + 1))
        large.send_frames(b"x" * (64 << 20))
    world.check()
    refused(world, request(b"\xc6" + struct.pack(">I", FRAME_MAX - 200) + bytes(FRAME_MAX - 200)))


# --- msgpack --------------------------------------------------------------------------------------------------

@case
def cut_at_every_byte(world):
    """A request that ends early, at each of its bytes."""
    whole = pack([1, "transfer", 77, None, None, world.transfer(memo="lunch", reference="r")])
    for length in range(1, len(whole)):
        world.client.send_frames(whole[:length])
        request_id, code, _ = world.client.receive()
        assert code in ("BAD_REQUEST", "UNSUPPORTED"), f"cut at {length}: {code}"
        assert request_id in (0, 77)


@case
def every_bit_flipped(world):
    """One wrong bit anywhere: an answer, and nothing moves that the request did not say."""
    frozen = dict(world.transfer(), from_account="nobody", to_account="nowhere")
    whole = pack([1, "transfer", 77, None, None, frozen])
    for position in range(len(whole) * 8):
        data = bytearray(whole)
        data[position // 8] ^= 1 << position % 8
        world.client.send_frames(bytes(data))
        _, code, _ = world.client.receive()
        assert code != "OK", f"bit {position}"


@case
def bombs(world):
    """A few bytes that ask for gigabytes, as the whole, the body, an item and a value."""
    bombs_of = (b"\xdd\xff\x00\x00\x00", b"\xdf\xff\x00\x00\x00", b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff",
                b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff\x01", b"\xdf\xff\xff\xff\xff")
    for bomb in bombs_of:
        refused(world, request(bomb))
        refused(world, request(bomb, "batch"))
        refused(world, request(b"\x91" + bomb, "batch"))
        refused(world, request(b"\x81\xa4memo" + bomb))
        world.client.send_frames(bomb)
        assert world.client.receive()[1] == "BAD_REQUEST"


@case
def too_deep(world):
    """Nesting beyond the limit, by arrays and by maps, one level and a million."""
    for depth in (6, 7, 50, 100_000, 1_000_000):
        refused(world, request(b"\x91" * depth + b"\xc0", "batch"))
        refused(world, request(b"\x81\x01" * depth + b"\xc0"))


@case
def trailing_bytes(world):
    """Anything after the body."""
    for rest in (b"\0", b"\xc0", b"x" * 1000):
        refused(world, pack([1, "transfer", 7, None, None, world.transfer()]) + rest)


@case
def head(world):
    """Each value of the request frame with a wrong type or range."""
    good = [1, "transfer", 7, None, None, world.transfer()]
    for position, values, code, field in (
            (0, (2, 0, 2**64 - 1), "UNSUPPORTED", "version"),
            (0, (-1, "1", None, 1.0, []), "BAD_REQUEST", "version"),
            (1, ("", "transfers", "x" * 1000), "UNSUPPORTED", "operation"),
            (1, (None, 5, b"transfer", []), "BAD_REQUEST", "operation"),
            (2, (-1, None, "7", 1.5), "BAD_REQUEST", "request_id"),
            (3, (-1, "0", 1.0, []), "BAD_REQUEST", "partition"),
            (3, (2, 63, 2**32 - 1), "WRONG_PARTITION", "partition"),
            (4, (-1, "x", 1.0), "BAD_REQUEST", "deadline"),
            (5, (None, 5, "x", 1.5, b""), "BAD_REQUEST", "body")):
        for value in values:
            frame = list(good)
            frame[position] = value
            refused(world, pack(frame), code, field)
    for frame in ([], [1], [1, "transfer", 7, None, None], good + [None], {}, 5, "x", None):
        world.client.send_frames(pack(frame))
        assert world.client.receive()[1] == "BAD_REQUEST", frame


@case
def duplicate_keys(world):
    """A key twice, with the same value and with another."""
    for key, value in (("amount", 1), ("amount", 2), ("transaction_id", new_id()), ("kind", "transfer")):
        body = pack(world.transfer(kind="transfer"))
        count = len(unpack(body)) + 1
        frame = request(bytes([0x80 | count]) + body[1:] + pack(key) + pack(value))
        refused(world, frame, "BAD_REQUEST", key)


@case
def floats_and_extensions(world):
    """Money is never a float; a timestamp is no number; true is not 1."""
    for value in (1.0, float("nan"), float("inf"), True, msgpack.ExtType(1, b"\x01"), msgpack.Timestamp(1)):
        for field in ("amount", "transaction_id", "currency", "from_account", "memo", "deadline"):
            refused(world, pack([1, "transfer", 7, None, None, world.transfer(**{field: value})]), "INVALID_FIELD", field)


@case
def bad_utf8(world):
    """Overlong forms, surrogates, stray bytes, NUL and bidirectional controls in every text."""
    for text in (b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\x80", b"a\xc3", b"a\0b",
                 b"a\r\nb", b"\x1b[31m", "\u202e".encode(), "\u2066".encode(), b"\xc2\x85"):
        for field in ("memo", "reference", "from_account", "to_account", "currency"):
            body = world.transfer()
            body.pop(field, None)
            raw = pack(body)
            frame = request(bytes([raw[0] + 1]) + raw[1:] + pack(field) + bytes([0xa0 | len(text)]) + text)
            refused(world, frame, "INVALID_FIELD", field)


@case
def wide_integers(world):
    """The ends of 64 bits are ranges, not wraps."""
    for amount in (0, -1, -2**63, 2**63 - 1, 2**63, 2**64 - 1, 10**17 + 1):
        refused(world, pack([1, "transfer", 7, None, None, world.transfer(amount=amount)]), "INVALID_FIELD", "amount")


@case
def ids(world):
    """Transaction ids and account ids of every wrong shape."""
    for value in (b"", b"x" * 15, b"x" * 17, bytes(16), "x" * 36, str(uuid.UUID(int=0)), str(uuid.uuid4())[:-1] + "g",
                  "{" + str(uuid.uuid4())[:-2] + "}", b"\xff" * 36):
        refused(world, pack([1, "transfer", 7, None, None, world.transfer(transaction_id=value)]), "INVALID_FIELD",
                "transaction_id")
    for value in ("", "x" * 35, "a b", "a\0", "a%s", "house:cash:CZK:0", "transit:CZK:1", b"alice"):
        refused(world, pack([1, "transfer", 7, None, None, world.transfer(to_account=value)]), "INVALID_FIELD", "to_account")


@case
def batch_limits(world):
    """Above 16,384 rows, and groups above 64 items."""
    item = [1, None, None, None, 1, "CZK"]
    refused(world, pack([1, "batch", 7, None, None, [item] * 16385]), "TOO_LARGE", "items")
    code, rows = world.client.call("batch", [item] * 16384)
    assert code == "OK" and len(rows) == 16384
    code, rows = world.client.call("batch", [[4, new_id(), [item] * 65]])
    assert (code, rows) == ("OK", [["TOO_LARGE", "items"]]), rows
    refused(world, pack([1, "batch", 7, None, None, [[4, new_id(), [item] * 64]] * 256]), "TOO_LARGE", "items")


@case
def flood_of_bad_requests(world):
    """Thousands of refusals in flight are all answered."""
    for _ in range(5000):
        world.client.send_frames(b"\xc1")
    for _ in range(5000):
        assert world.client.receive()[1] == "BAD_REQUEST"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--only")
    given = options.parse_args()
    failed = 0
    with Node(given.teller, partitions=2) as node:
        world = World(node)
        for run in CASES:
            if given.only and run.__name__ != given.only:
                continue
            started = time.monotonic()
            try:
                run(world)
                world.check()
                print(f"ok      {run.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception as problem:  # pylint: disable=broad-except
                failed += 1
                print(f"FAILED  {run.__name__}: {type(problem).__name__}: {problem}", flush=True)
                if not node.is_alive():
                    print(node.stderr())
                    break
                world.client.close()
                world.client = Client(node.endpoint)
        if not failed and node.stop() != 0:
            print(f"FAILED  the node did not end cleanly\n{node.stderr()}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
