"""A node with a rate feed, and what a test looks at: its sources, its rates, its desk."""
import json
import time

from client import Client
from node import Node

WAIT_S = 60
YEAR_S = 31536000


def source(name, url, kind="ecb", **changes):
    """A source that is asked each second, unless a schedule is given."""
    config = {"name": name, "kind": kind, "url": url, "spike_ppm": 100000, "age_limit_s": YEAR_S}
    if "at" not in changes:
        config["every_s"] = 1
    return config | changes


class FeedNode(Node):
    """with FeedNode(program, [source(…), …]) as node: node.call("rate.latest", {…})"""

    def __init__(self, program, sources, prepare=None, **options):
        """prepare: a function of the data directory, called before the node serves."""
        super().__init__(program, **options)
        config = self.scratch / "feed.json"
        config.write_text(json.dumps({"sources": sources, "allow_http": True}), encoding="ascii")
        self.options += ["--feed", str(config)]
        if prepare:
            prepare(self.data)

    def call(self, operation, body=None, code="OK"):
        with Client(self.endpoint) as client:
            found, reply = client.call(operation, body)
        assert found == code, f"{operation} {body}: {found} {reply}"
        return reply

    def until(self, what, look):
        """Asks until there is an answer that is true, and returns it."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {WAIT_S} s; sources: {self.call('rate.sources')}\n{self.stderr()}")

    def source(self, name):
        return next(row for row in self.call("rate.sources")["sources"] if row["source"] == name)

    def latest(self, name):
        """By pair."""
        return {(row["base"], row["counter"]): row for row in self.call("rate.latest", {"source": name})["rates"]}

    def as_of(self, name, base, counter, date, code="OK"):
        return self.call("rate.asof", {"source": name, "base": base, "counter": counter, "date": date}, code)

    def desk(self, partition=0):
        with Client(self.endpoint) as client:
            rows = client.expect_ok("rate.desk", partition=partition)["rates"]
        return {(row["base"], row["counter"]): row for row in rows}
