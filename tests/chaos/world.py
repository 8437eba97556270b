"""A node under load, and what a trouble may do with it.

A trouble is a function that takes the World: it leaves the node serving in its plain form, under load, and whole. It may
restart the node in another form (a library preloaded, another directory, a proxy in front), and draws all that is by chance
from world.random. The runner checks the books after it.

    TROUBLES = [Trouble("kill", "kill -9 at a random moment", kill)]
"""
import contextlib
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from checks import Books
from client import Client, NoAnswer
from load import ANSWER_TIMEOUT_S, PARTITIONS, Load, demand
from node import Node

PRELOAD, PLAIN_MEMORY = "preloaded libraries", "a build without sanitizer"
PATIENCE_S = 1.0
OPTIONS = ["--drain", "2s"]  # requests that wait for a partition that has stopped will get no answer, however long they wait


@dataclass(frozen=True)
class Trouble:
    name: str
    about: str
    strike: Callable
    needs: tuple = ()  # of PRELOAD and PLAIN_MEMORY


class World:
    def __init__(self, program, libraries, seed, is_long=False):
        """libraries: the directory of the preloaded ones, or None. is_long: take more time over each trouble."""
        self.node = Node(program, partitions=PARTITIONS, options=OPTIONS)
        self.libraries = Path(libraries).resolve() if libraries else None
        self.random = random.Random(seed)
        self.is_long = is_long
        self.kills = 0
        self.recovery_ms = [0]
        self.notes = []  # what a trouble wants to be told of it
        try:
            self.node.start()
            self.books = Books(self.node, self.random)
            is_slow = self.node.is_built_with(b"libtsan.so")
            self.load = Load(self.node.endpoint, self.books.names, seed, is_slow)
        except BaseException:
            self.node.destroy()
            raise

    # --- the node ---------------------------------------------------------------------------------------

    def restart(self):
        """Starts it, where it is not running any more."""
        self.load.begin_again()
        started = time.monotonic()
        self.node.start()
        self.recovery_ms.append(round((time.monotonic() - started) * 1000))

    def kill(self):
        self.kills += 1
        self.node.kill()

    def stop(self):
        """SIGTERM: it ends by itself and says that all is well."""
        code = self.node.stop()
        demand(code == 0, f"after SIGTERM the exit code is {code}\n{self.node.stderr()}")

    def demand_alive(self):
        demand(self.node.is_alive(), f"the node ended with {self.node.process.returncode}\n{self.node.stderr()}")

    @contextlib.contextmanager
    def preloaded(self, library, **settings):
        """What is started inside the block has this library and its settings."""
        path = self.libraries / f"lib{library}.so"
        demand(path.exists(), f"there is no {path}")
        self.node.environment = {"LD_PRELOAD": str(path), **{name: str(value) for name, value in settings.items()}}
        try:
            yield
        finally:
            self.node.environment = {}

    def states(self):
        """Of all partitions, in words; empty where it does not answer soon."""
        try:
            with Client(self.node.endpoint) as client:
                code, health = client.call("health", timeout_s=1)
        except NoAnswer:
            return []
        demand(code == "OK", f"health answers {code}")
        return [each["state"] for each in health["partitions"]]

    def wait_until(self, what, condition):
        """Asks again and again, under load."""
        give_up = time.monotonic() + ANSWER_TIMEOUT_S
        while not condition():
            demand(time.monotonic() < give_up, f"waited for {ANSWER_TIMEOUT_S} s: {what}; {self.states()}\n{self.node.stderr()}")
            self.load.run(0.05)

    def is_well(self):
        return set(self.states()) == {"serving"}

    def wait_until_well(self):
        self.wait_until("all partitions serve", self.is_well)

    def wait_until_served(self):
        """Until the clients are connected and have something new."""
        before = self.load.acknowledged()
        self.wait_until("clients are served", lambda: self.load.acknowledged() > before)

    # --- the clients ------------------------------------------------------------------------------------

    def draw(self, low, high):
        return self.random.uniform(low, high)

    @contextlib.contextmanager
    def forbearing(self, is_noisy=False, patience_s=None):
        """Meanwhile nobody complains of an answer that does not come."""
        control = self.load.control
        control.is_well, control.is_noisy, control.patience_s = False, is_noisy, patience_s
        try:
            yield
        finally:
            control.well_since = time.monotonic()
            control.is_well, control.is_noisy, control.patience_s = True, False, None

    def move_clients(self, endpoint):
        """They connect there from now on."""
        self.load.control.endpoint = endpoint
        self.load.begin_again()

    # --- at the end -------------------------------------------------------------------------------------

    def check(self):
        self.load.pause()
        self.books.check(self.load)
        self.load.resume()

    def end(self):
        """With the last check; the directory is removed."""
        self.load.pause()
        self.books.check(self.load)
        self.load.end()
        self.stop()
        self.books.verify()
        self.node.destroy()

    def abandon(self):
        """Something is broken: the directory is kept. Returns its path."""
        self.node.kill()
        self.load.end()
        return self.node.data


def size_of(directory):
    """Bytes that the files of a directory take."""
    return sum(os.stat(path).st_blocks * 512 for path in Path(directory).rglob("*") if path.is_file())
