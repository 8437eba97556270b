"""A bad network between clients and a node: a TCP proxy that knows where ZeroMQ's frames begin and end.

    with Proxy(node.endpoint, random.Random(7)) as proxy:
        client = Client(proxy.endpoint)
        proxy.set({"cut": 0.02, "delay": 0.1}, directions=("to_node",))   # of each frame that passes
        proxy.set({})                                                     # a good network again

| fault | what happens to a frame |
|---|---|
| delay | it is held back, and all that follow |
| cut | some of its bytes go through, then both sides are reset |
| half_close | some of its bytes go through, then this direction is closed; the other one goes on |
| drop | it is swallowed whole: a request, or a reply, that never comes |
| silence | it and all that follow in this direction are swallowed, and the connection stays |
| corrupt_frame | a byte of its flags or its length is changed, and the stream goes on |
| corrupt_body | bytes of its body are changed, and both sides are reset before its last byte |

Nothing on the wire tells a changed message from another valid one: a flipped bit in an amount is another transfer, and no
check of a client could hold. So bodies are changed only where the message is never whole, and bytes are lost only by the
frame, or to the end of the connection. A changed length or flag cuts messages in pieces or joins them; what comes out does not
decode, because a message is one array and has to be used up.

It runs in a thread of its own. `counts` says how often each fault has happened.
"""
import asyncio
import collections
import contextlib
import socket
import struct
import threading
from urllib.parse import urlsplit

GREETING_BYTES = 64  # of ZMTP 3
FLAG_LONG = 2
DELAY_S = 0.3
CHUNK = 65536
DIRECTIONS = ("to_node", "to_client")


def frame_end(data, begin):
    """(where the frame's body begins, where it ends), or None: that is not to be seen yet."""
    if len(data) < begin + 2:
        return None
    if not data[begin] & FLAG_LONG:
        return begin + 2, begin + 2 + data[begin + 1]
    if len(data) < begin + 9:
        return None
    return begin + 9, begin + 9 + struct.unpack_from(">Q", data, begin + 1)[0]


class Stream:
    """One direction of a connection, cut into whole frames. The greeting goes through as it comes: each side waits for the
    other's first bytes before it sends the rest."""
    def __init__(self):
        self.data = bytearray()
        self.greeting_left = GREETING_BYTES

    def feed(self, data):
        """[(bytes, length of what stands before the body)]"""
        frames, begin = [], min(self.greeting_left, len(data))
        if begin > 0:
            frames.append((data[:begin], begin))
            self.greeting_left -= begin
        self.data += data[begin:]
        begin = 0
        while (ends := frame_end(self.data, begin)) is not None and ends[1] <= len(self.data):
            frames.append((bytes(self.data[begin:ends[1]]), ends[0] - begin))
            begin = ends[1]
        del self.data[:begin]
        return frames


class Ended(Exception):
    """This connection is over."""


class Pipe:
    """Carries one direction of a connection."""
    def __init__(self, proxy, direction, reader, writer, other):
        self.proxy, self.direction = proxy, direction
        self.reader, self.writer, self.other = reader, writer, other
        self.is_silent = False

    async def run(self):
        stream = Stream()
        try:
            while data := await self.reader.read(CHUNK):
                for frame, head in stream.feed(data):
                    if not self.is_silent:
                        await self.carry(frame, head)
            if not self.is_silent:
                self.writer.write_eof()
        except (Ended, OSError, RuntimeError):
            reset(self.writer)
            reset(self.other)

    async def carry(self, frame, head):
        fault = self.proxy.draw(self.direction)
        await getattr(self, fault or "pass_on")(frame, head)

    async def pass_on(self, frame, _):
        self.writer.write(frame)
        await self.writer.drain()

    def part(self, frame):
        """Some bytes, not all."""
        return frame[:self.proxy.random.randrange(len(frame))]

    async def delay(self, frame, head):
        await asyncio.sleep(self.proxy.random.uniform(0, DELAY_S))
        await self.pass_on(frame, head)

    async def cut(self, frame, head):
        await self.pass_on(self.part(frame), head)
        raise Ended

    async def half_close(self, frame, head):
        await self.pass_on(self.part(frame), head)
        self.writer.write_eof()
        self.is_silent = True

    async def drop(self, frame, head):
        pass

    async def silence(self, frame, head):
        self.is_silent = True

    async def corrupt_frame(self, frame, head):
        changed = bytearray(frame)
        changed[self.proxy.random.randrange(head)] ^= self.proxy.random.randrange(1, 256)
        await self.pass_on(bytes(changed), head)

    async def corrupt_body(self, frame, head):
        changed = bytearray(self.part(frame))
        for _ in range(min(3, len(changed))):
            changed[self.proxy.random.randrange(len(changed))] ^= self.proxy.random.randrange(1, 256)
        await self.pass_on(bytes(changed), head)
        raise Ended


FAULTS = ("delay", "cut", "half_close", "drop", "silence", "corrupt_frame", "corrupt_body")


def reset(writer):
    """Closes with RST: what the kernel still had for it is lost too."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Proxy:
    def __init__(self, endpoint, random):
        self.target = urlsplit(endpoint)
        self.random = random
        self.rates, self.directions = {}, DIRECTIONS
        self.counts = collections.Counter()
        self.connections = set()  # tasks; asyncio itself holds them by weak references only
        self.loop = asyncio.new_event_loop()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.listener.close()

    def set(self, rates, directions=DIRECTIONS):
        """From now on, with such probabilities for each frame that passes in one of the directions."""
        self.rates, self.directions = dict(rates), directions

    def draw(self, direction):
        """The fault for a frame, or None."""
        if direction not in self.directions:
            return None
        for fault, rate in self.rates.items():
            if self.random.random() < rate:
                self.counts[fault] += 1
                return fault
        return None

    # --- in its thread ------------------------------------------------------------------------------------

    def run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.connect, sock=self.listener))
        self.loop.run_forever()
        server.close()
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    async def connect(self, reader, writer):
        self.connections.add(asyncio.current_task())
        try:
            await self.carry_both(reader, writer)
        finally:
            self.connections.discard(asyncio.current_task())

    async def carry_both(self, reader, writer):
        try:
            node_reader, node_writer = await asyncio.open_connection(self.target.hostname, self.target.port)
        except OSError:
            reset(writer)
            return
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(Pipe(self, "to_node", reader, node_writer, writer).run(),
                                 Pipe(self, "to_client", node_reader, writer, node_writer).run())
        reset(writer)
        reset(node_writer)
