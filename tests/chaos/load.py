"""The load: clients that send money to and fro, and remember what they were told.

A worker keeps some batches in flight. An answer that is known never changes. What it has no answer for (BUSY, UNKNOWN, a
connection that ended, a reply that does not come) it asks again with the same ids, until it has one: so at a quiet
moment every command has one outcome. How much it bears is set by the trouble at hand (`Control`).
"""
import json
import random
import threading
import time

import zmq

from client import Client, NoAnswer, new_id, partition_of

PARTITIONS, WORKERS, WINDOW = 2, 4, 4
BATCH, BATCH_LARGE = 20, 400  # small ones are committed in place, large ones by the commit writer
BATCH_SLOW = 5  # ThreadSanitizer looks at each byte that comes from libzmq for a long time
ANSWER_TIMEOUT_S = 60  # an answer that does not come although all is well is a failure
BUSY_PAUSE_S = 0.02
UNKNOWN_MAX = 2000  # from there on a worker asks for nothing new
MESSAGE_BYTES_MAX = 16 << 20
SOCKET_TIMEOUT_MS = 1000
REFUSALS = {"INSUFFICIENT_FUNDS", "CEILING_EXCEEDED", "ACCOUNT_NOT_FOUND", "ACCOUNT_FROZEN"}
NOT_DECIDED = {"BUSY", "UNKNOWN"}


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
        """Every answer to one id is the same. False: it is none yet."""
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
    def __init__(self, endpoint, is_slow):
        self.endpoint = endpoint
        self.batch, self.batch_large = (BATCH_SLOW, BATCH_SLOW) if is_slow else (BATCH, BATCH_LARGE)
        self.generation = 0  # rises when the server is gone: what is in flight is lost
        self.may_run = threading.Event()
        self.is_done = False
        self.quiet = threading.Barrier(WORKERS + 1)
        self.is_well = True  # while it is not, nobody complains that an answer does not come
        self.well_since = 0.0
        self.patience_s = None  # after so long without a reply a client takes a new connection; twice as long each time
        self.is_noisy = False  # replies may be mutilated on their way


class Worker(threading.Thread):
    def __init__(self, control, seed, names):
        super().__init__(daemon=True)
        self.control, self.names = control, names
        self.random = random.Random(seed)
        self.moves, self.kept = [], []  # since the last check; older ones that are still asked for
        self.unknown, self.in_flight = {}, {}  # moves in order, by themselves; lists of them, by request
        self.acknowledged = 0
        self.is_noisy = False  # of this connection
        self.last_answer = self.patience_s = 0.0
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
        size = self.control.batch_large if self.random.random() < 0.03 else self.control.batch
        if known and kind < 0.1:  # asked again although the answer is known, or still on its way
            return [self.random.choice(known)], None
        if kind < 0.4:
            return [self.new(self.item())], None
        if kind < 0.6:
            return [self.new([4, new_id(self.random), [self.item() for _ in range(self.random.choice((2, 3, 8)))]])
                    for _ in range(size // 10 or 1)], None
        if kind < 0.8:  # the fast way: all of one partition, as the header says
            partition = self.random.randrange(PARTITIONS)
            sources = [name for name in self.names if partition_of(name, PARTITIONS) == partition]
            return [self.new(self.item(sources)) for _ in range(size)], partition
        return [self.new(self.item()) for _ in range(size)], None

    def new(self, row):
        move = Move(row)
        self.moves.append(move)
        return move

    def send(self, client, moves, partition=None):
        try:
            self.in_flight[client.send("batch", [move.row for move in moves], partition)] = moves
        except zmq.Again:
            self.forget(moves)
            raise

    def ask_again(self, client):
        """The oldest of what is unknown, with the same ids."""
        moves = list(self.unknown)[:self.control.batch]
        for move in moves:
            del self.unknown[move]
        self.send(client, moves)

    def send_more(self, client):
        while len(self.in_flight) < WINDOW:
            is_new = self.control.may_run.is_set() and (
                not self.unknown or (len(self.unknown) < UNKNOWN_MAX and self.random.random() < 0.2))
            if is_new:
                self.send(client, *self.command())
            elif self.unknown:
                self.ask_again(client)
            else:
                return

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
        self.is_noisy = self.control.is_noisy
        with Client(self.control.endpoint) as client:
            client.socket.maxmsgsize = MESSAGE_BYTES_MAX
            client.socket.sndtimeo = client.socket.rcvtimeo = SOCKET_TIMEOUT_MS
            self.last_answer = time.monotonic()
            while generation == self.control.generation and not self.control.is_done:
                if not self.control.may_run.is_set() and not self.in_flight and not self.unknown:
                    self.control.quiet.wait()  # all is answered
                    self.control.quiet.wait()  # go on
                    self.last_answer = time.monotonic()
                    continue
                if not self.converse(client):
                    break
            for moves in self.in_flight.values():
                self.forget(moves)
            self.in_flight.clear()

    def forget(self, moves):
        """They are in flight no more; those without an answer will be asked again."""
        for move in moves:
            if move.answer is None:
                self.unknown[move] = None

    def converse(self, client):
        """Sends what there is to send, and takes one reply. False: this connection is given up."""
        try:
            self.send_more(client)
            reply = client.receive(0.1)
        except NoAnswer:
            return self.is_patient()
        except zmq.Again:
            return False  # after a breach of the protocol ZeroMQ does not connect again, and takes nothing more
        except Exception:  # pylint: disable=broad-except
            if self.is_noisy:  # a mutilated reply
                return False
            raise
        self.last_answer, self.patience_s = time.monotonic(), 0.0
        return self.take(*reply)

    def is_patient(self):
        silent_s = time.monotonic() - max(self.last_answer, self.control.well_since)
        if self.control.is_well and silent_s > ANSWER_TIMEOUT_S:
            raise Broken(self.silence())
        if self.control.patience_s is None:
            return True
        self.patience_s = self.patience_s or self.control.patience_s
        if time.monotonic() - self.last_answer < self.patience_s:
            return True
        self.patience_s *= 2
        return False

    def silence(self):
        """What is known of requests that nobody answers."""
        with Client(self.control.endpoint) as other:
            status = other.expect_ok("status")
        rows = {request: [move.row for move in moves][:3] for request, moves in self.in_flight.items()}
        return f"not answered for {ANSWER_TIMEOUT_S} s: {rows}\n{json.dumps(status)}"

    def take(self, request, code, answers):
        moves = self.in_flight.pop(request, None)
        if self.is_noisy and (moves is None or code != "OK"):
            self.forget(moves or [])
            return moves is not None
        demand(moves is not None, f"an answer to request {request}, which is not open: {code}")
        if code in NOT_DECIDED:
            self.forget(moves)
            time.sleep(BUSY_PAUSE_S)
            return True
        demand(code == "OK" and len(answers) == len(moves), f"{code} {answers}")
        for move, answer in zip(moves, answers):
            is_first = move.answer is None
            if move.note(answer):
                self.acknowledged += is_first and answer[0] == "OK"
        self.forget(moves)
        return True


class Load:
    """All workers."""
    def __init__(self, endpoint, names, seed, is_slow):
        self.control = Control(endpoint, is_slow)
        self.workers = [Worker(self.control, seed * 1000 + number, names) for number in range(WORKERS)]
        self.control.may_run.set()
        for worker in self.workers:
            worker.start()

    def acknowledged(self):
        return sum(worker.acknowledged for worker in self.workers)

    def moves(self):
        return [move for worker in self.workers for move in worker.moves]

    def run(self, seconds):
        """Lets the workers go on for so long, and looks after them."""
        time.sleep(seconds)
        self.raise_failure()

    def raise_failure(self):
        for worker in self.workers:
            if worker.failure:
                raise worker.failure

    def begin_again(self):
        """The server is another one, or elsewhere."""
        self.control.generation += 1

    def pause(self):
        """Returns when everything is answered; the workers wait."""
        self.control.may_run.clear()
        try:
            self.control.quiet.wait(ANSWER_TIMEOUT_S * 2)
        except threading.BrokenBarrierError:
            self.raise_failure()
            raise Broken("not every request is answered") from None

    def resume(self):
        self.control.may_run.set()
        self.control.quiet.wait()

    def end(self):
        """Ends the threads, which may be waiting or not."""
        self.control.is_done = True
        self.control.quiet.abort()
        for worker in self.workers:
            worker.join()
