"""The benches: each runs what it needs and returns its figures and the run behind them."""
import time
from dataclasses import asdict, dataclass
from typing import Optional

from runs import ACCOUNTS, anonymous_bytes, say

RATIO_AT_LEAST = 0.60
MIB = 1 << 20


@dataclass
class Figure:
    """One measured number and what it has to be. `less`: smaller is better. pipeline: the bare pipeline's number."""
    what: str
    measured: float
    unit: str
    at_least: Optional[float] = None
    aim: Optional[float] = None
    less: bool = False
    pipeline: Optional[float] = None

    def reaches(self, wanted):
        return wanted is not None and (self.measured <= wanted if self.less else self.measured >= wanted)

    @property
    def ratio(self):
        if not self.pipeline or not self.measured:
            return None
        return self.pipeline / self.measured if self.less else self.measured / self.pipeline

    @property
    def verdict(self):
        if self.reaches(self.aim):
            return "aim met"
        if self.at_least is None:
            return "-"
        if self.reaches(self.at_least):
            return "met"
        return "ratio met" if self.ratio is not None and self.ratio >= RATIO_AT_LEAST else "MISSED"

    def as_json(self):
        return {**asdict(self), "ratio": self.ratio and round(self.ratio, 3), "verdict": self.verdict}


def rate(what, run, at_least, aim, limit=None):
    return Figure(what, run["transfers_per_s"], "/s", at_least, aim, pipeline=limit and limit["transfers_per_s"])


def latency(what, run, name, at_least, aim=None, limit=None):
    return Figure(f"{what} {name}", run[f"{name}_ms"], "ms", at_least, aim, less=True,
                  pipeline=limit and limit[f"{name}_ms"])


# ---- the six that the bare pipeline runs too ---------------------------------------------------------------

def transfers(bench):
    with bench.node(2) as node:
        run = bench.load(node, batch=8000, window=16, cross_share=0.5)
    return run, [rate("batches of 8,000, 2 partitions, half cross", run, 300_000, None)]


def batch1(bench):
    run, limit = bench.beside(1, 8000, 16)
    return run, [rate("batches of 8,000, 1 partition", run, 1_800_000, 2_600_000, limit)]


def batch2(bench):
    run, limit = bench.beside(2, 8000, 32, 0.5)
    return run, [rate("batches of 8,000, 2 partitions, half cross", run, 1_800_000, 2_800_000, limit)]


def small(bench):
    run, limit = bench.beside(2, 100, 64, 0.5)
    return run, [rate("batches of 100, 64 in flight, 2 partitions, half cross", run, 800_000, 1_300_000, limit)]


def single(bench):
    run, limit = bench.beside(1, 1, 256)
    return run, [rate("one a message, 256 in flight, 1 partition", run, 180_000, 260_000, limit),
                 latency("the same,", run, "p99", 5, 2, limit)]


def single2(bench):
    run, limit = bench.beside(2, 1, 256, 0.5)
    return run, [rate("one a message, 256 in flight, 2 partitions, half cross", run, 70_000, 130_000, limit),
                 latency("the same,", run, "p99", 10, 4, limit)]


def one(bench):
    run, limit = bench.beside(1, 1, 1)
    return run, [latency("one at a time,", run, "p50", 0.7, 0.45, limit),
                 latency("the same,", run, "p99", 3, None, limit)]


# ---- more of the same loads --------------------------------------------------------------------------------

def half(bench):
    with bench.node() as node:
        top = bench.load(node, batch=1, window=256)
        run = bench.load(node, batch=1, rate=int(top["transfers_per_s"] / 2))
    what = f"open loop at {run['rate']:,.0f}/s, half of the top rate,"
    return run, [latency(what, run, "p99", 5), latency("the same,", run, "max", 11),
                 latency("the same,", run, "p999", None, 3)]


def hot(bench):
    with bench.node() as node:
        before = bench.load(node)["transfers_per_s"]
        zipf = bench.load(node, zipf=2.0)
        hot_one = bench.load(node, hot_one=True)
        uniform = (before + bench.load(node)["transfers_per_s"]) / 2
    return hot_one, [Figure("Zipf s = 2.0, of uniform", 100 * zipf["transfers_per_s"] / uniform, "%", 80, 120),
                     Figure("all onto one account, of uniform", 100 * hot_one["transfers_per_s"] / uniform, "%",
                            80, 120)]


def scale(bench):
    counts = [10_000, 100_000, 1_000_000] + ([] if bench.quick else [10_000_000])
    rates, run = [], None
    for count in counts:
        with bench.node(accounts=count) as node:
            run = bench.load(node, accounts=count)
        rates.append(run["transfers_per_s"])
        say(f"  {count:,} accounts: {run['transfers_per_s']:,.0f}/s")
    what = f"10,000 to {counts[-1]:,} accounts: the rate falls by"
    return run, [Figure(what, max(rates) / min(rates), "times", 3, 2, less=True)]


# ---- a file with much in it --------------------------------------------------------------------------------

def postings(bench, node):
    return sum(part["postings"] for part in bench.status(node)["partitions"])


def grow(bench, node, wanted, accounts=ACCOUNTS):
    """Until so many postings are on file."""
    missing = wanted - postings(bench, node)
    if missing > 0:
        bench.load(node, accounts=accounts, transfers=missing)


def grown_size(bench):
    return 20_000_000 if bench.quick else 100_000_000


def measure_grown(bench, node):
    fresh = bench.load(node)["transfers_per_s"]
    grow(bench, node, grown_size(bench))
    run = bench.load(node)
    return run, [Figure(f"with {grown_size(bench):,} transfers on file, of fresh", 100 * run["transfers_per_s"] / fresh,
                        "%", 80, 95)]


def measure_history(bench, node):
    writers = bench.start_load(node, "--batch", 100, "--rate", 100_000, "--seconds", "600s")
    try:
        run = bench.load(node, history=True, batch=100, window=8)
    finally:
        writers.terminate()
        writers.wait()
    what = f"last 20 of random accounts, {postings(bench, node):,} on file, 100,000 transfers/s beside"
    return run, [Figure(what, run["histories_per_s"], "/s", 20_000, 100_000)]


def hold(bench):
    with bench.node() as node:
        run = bench.load(node, hold=True, batch=1000, window=16)
    return run, [Figure("holds opened and captured, batches of 1,000 items, pairs", run["hold_pairs_per_s"], "/s",
                        300_000, None)]


def quote(bench):
    # There are no batches of quotes, so the cost of a message bounds both figures.
    with bench.node() as node:
        run = bench.load(node, quote=True, window=1024)
        pairs = bench.load(node, exchange=True, batch=100, window=16)
    run["exchange_pairs_per_s"] = pairs["exchange_pairs_per_s"]
    return run, [Figure("quotes, one a message, 1,024 in flight", run["quotes_per_s"], "/s"),
                 Figure("quotes and their exchanges, batches of 100 exchanges, pairs", pairs["exchange_pairs_per_s"], "/s")]


def remittance(bench):
    # Node, bank simulator and a client in Python share the machine: what one of them takes the others do not have. On obie each remittance
    # is six RSA signatures, half of them the bank's.
    count = 5_000 if bench.quick else 20_000
    kftc = bench.crowd("kftc", count)
    obie = bench.crowd("obie", count // 4)
    kftc["obie_per_second"] = obie["per_second"]
    return kftc, [Figure("remittances through the bank simulator over HTTP, kftc", kftc["per_second"], "/s", 2_000, None),
                  Figure("the same, obie", obie["per_second"], "/s")]


def grown(bench):
    with bench.node() as node:
        return measure_grown(bench, node)


def history(bench):
    with bench.node() as node:
        grow(bench, node, grown_size(bench))
        return measure_history(bench, node)


def recover(bench):
    wanted, step, most = 10_000_000, 2_000_000, 40_000_000
    with bench.node() as node:
        tail = done = 0
        while tail < wanted and done < most:
            bench.load(node, transfers=step)
            done += step
            part = bench.status(node)["partitions"][0]
            tail = (part["position"] - part["checkpoint_position"]) // 8
        node.kill()
        before = time.monotonic()
        node.start()
        seconds = time.monotonic() - before
        assert postings(bench, node) >= done, "transfers were lost"
    return {"tail_facts": tail, "seconds": seconds, "accounts": ACCOUNTS}, [
        Figure(f"kill -9 and restart, a tail of {tail:,} facts, 1 million accounts", seconds, "s", 5, 2, less=True)]


def own_bytes(bench, accounts, counts):
    """A node's own memory after so many transfers, for each of the counts; and its resident bytes when it was empty."""
    found = []
    with bench.node(accounts=0) as node:
        empty = node.resident_bytes()
        bench.load_command(node, "--setup-only", "--accounts", accounts, parse=False)
        for count in counts:
            grow(bench, node, accounts + count, accounts)
            found.append(anonymous_bytes(node.process.pid))
    return empty, found


def memory(bench):
    # Buffers and tables of ids have their size after the first transfers; what then differs is the accounts.
    warm, few, ids = 4_000_000, 10_000, 10_000_000 if bench.quick else 40_000_000
    _, small_node = own_bytes(bench, few, [warm])
    empty, own = own_bytes(bench, ACCOUNTS, [warm, ids, 2 * ids])
    each_account = (own[0] - small_node[0]) / (ACCOUNTS - few)
    each_id = (own[2] - own[1]) / ids
    run = {"empty_bytes": empty, "own_bytes": own, "own_bytes_few_accounts": small_node, "ids": 2 * ids}
    return run, [Figure("resident, empty node", empty / MIB, "MiB", 64, 20, less=True),
                 Figure("for each account", each_account, "B", 160, 96, less=True),
                 Figure(f"for each id, from {ids:,} to {2 * ids:,} (bounded: less than an id's 16 bytes)", each_id, "B",
                        16, None, less=True)]


BENCHES = {
    "transfers": transfers, "batch1": batch1, "batch2": batch2, "small": small, "single": single,
    "single2": single2, "one": one, "half": half, "hot": hot, "grown": grown, "recover": recover,
    "history": history, "hold": hold, "quote": quote, "remittance": remittance, "memory": memory, "scale": scale,
}


def run_all(bench, names):
    """Yields (name, run, figures). grown and history share a node: filling one takes a minute."""
    shared = {}
    for name in names:
        if name == "grown" and "history" in names:
            with bench.node() as node:
                say(f"grown and history, on a file of {grown_size(bench):,} transfers …")
                run, figures = measure_grown(bench, node)
                shared["history"] = measure_history(bench, node)
            yield name, run, figures
        elif name in shared:
            yield (name, *shared.pop(name))
        else:
            say(f"{name} …")
            yield (name, *BENCHES[name](bench))
