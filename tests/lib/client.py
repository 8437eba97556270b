"""A client of docs/WIRE.md in a few lines: msgpack over a DEALER or REQ socket, every wait bounded.

    client = Client(endpoint)
    code, body = client.call("balance", {"account": "alice"})
    request = client.send("batch", items)         # any number in flight
    request, code, body = client.receive()

One Client belongs to one thread.
"""
import uuid

import msgpack
import zmq

TIMEOUT_S = 30
VERSION = 1
FNV_OFFSET = 14695981039346656037
FNV_PRIME = 1099511628211
MASK64 = 2**64 - 1


class NoAnswer(Exception):
    """Nothing came within the timeout."""


def partition_of(account, partitions):
    """The partition that owns an account id."""
    if account.startswith(("house:", "transit:")):
        return int(account.rsplit(":", 1)[1])
    h = FNV_OFFSET
    for byte in account.encode():
        h = ((h ^ byte) * FNV_PRIME) & MASK64
    return (h ^ (h >> 32)) % partitions


def new_id(random=None):
    """16 bytes; from a seeded random.Random where one is given."""
    return uuid.UUID(int=random.getrandbits(128) | 1).bytes if random else uuid.uuid4().bytes


def pack(value):
    return msgpack.packb(value, use_bin_type=True)


def unpack(data):
    return msgpack.unpackb(data, raw=False, strict_map_key=False)


class Client:
    def __init__(self, endpoint, kind=zmq.DEALER, timeout_s=TIMEOUT_S, context=None):
        self.context = context or zmq.Context.instance()
        self.socket = self.context.socket(kind)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 0
        self.socket.reconnect_ivl = 10
        self.timeout_s = timeout_s
        self.last_request = 0
        self.socket.connect(endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, operation, body=None, partition=None, deadline=None, version=VERSION):
        """Returns the request id."""
        self.last_request += 1
        self.socket.send(pack([version, operation, self.last_request, partition, deadline, body]))
        return self.last_request

    def send_frames(self, *frames):
        self.socket.send_multipart(frames)

    def receive(self, timeout_s=None):
        """(request id, code, body) of the next reply."""
        seconds = self.timeout_s if timeout_s is None else timeout_s
        if not self.socket.poll(int(seconds * 1000)):
            raise NoAnswer(f"no answer within {seconds} s")
        frames = self.socket.recv_multipart()
        version, request, code, body = unpack(frames[-1])
        assert version == VERSION, f"a reply of version {version}"
        return request, code, body

    def call(self, operation, body=None, partition=None, deadline=None, timeout_s=None):
        """(code, body) of this request; answers to earlier ones are passed over."""
        wanted = self.send(operation, body, partition, deadline)
        while True:
            request, code, reply = self.receive(timeout_s)
            if request == wanted:
                return code, reply

    def expect_ok(self, operation, body=None, **options):
        code, reply = self.call(operation, body, **options)
        assert code == "OK", f"{operation} {body}: {code} {reply}"
        return reply

    def accounts(self, **filters):
        """All accounts, as a dictionary by id, page by page."""
        found, cursor = {}, None
        while True:
            page = self.expect_ok("account.list", {"limit": 1000, "cursor": cursor, **filters})
            found.update((account["account"], account) for account in page["accounts"])
            cursor = page["cursor"]
            if cursor is None:
                return found

    def history(self, account, page=1000, **filters):
        """The whole history of an account, newest first."""
        entries, cursor = [], None
        while True:
            reply = self.expect_ok("history", {"account": account, "limit": page, "cursor": cursor,
                                               **filters})
            entries += reply["entries"]
            cursor = reply["cursor"]
            if cursor is None:
                return entries

    def open(self, account, currency="CZK", owner="tester", **attributes):
        return self.expect_ok("account.open", {"account": account, "owner": owner,
                                               "currency": currency, **attributes})
