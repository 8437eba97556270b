"""One measured run: of a node under `teller bench`, or of the bare pipeline beside it."""
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lib"))
from client import Client  # noqa: E402
from node import Node  # noqa: E402

RUN_TIMEOUT_S = 1800
ACCOUNTS = 1_000_000


class BenchError(Exception):
    """A run did not do what it was told."""


def say(text):
    """Progress goes to stderr: stdout is the result."""
    print(text, file=sys.stderr, flush=True)


def run_json(command):
    """Runs a program to its end and reads the one line of JSON that it prints."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            timeout=RUN_TIMEOUT_S, check=False)
    if result.returncode != 0:
        raise BenchError(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stderr}")
    return json.loads(result.stdout)


class Bench:
    """Where programs are, and how long runs last."""

    def __init__(self, teller, quick, scratch):
        self.teller = Path(teller).resolve()
        self.pipeline_program = self.teller.parents[1] / "tests" / "bench" / "pipeline"
        self.quick = quick
        self.seconds = 4 if quick else 10
        self.rounds = 1 if quick else 3
        # Data must lie on a disk. The usual place for scratch files may be memory.
        self.scratch = Path(scratch)
        self.scratch.mkdir(parents=True, exist_ok=True)
        tempfile.tempdir = str(self.scratch)

    @contextlib.contextmanager
    def node(self, partitions=1, accounts=ACCOUNTS):
        """A new node whose accounts are open and have money; destroyed at the end."""
        with Node(self.teller, partitions=partitions) as node:
            if accounts:
                self.load_command(node, "--setup-only", "--accounts", accounts, parse=False)
            yield node

    def load_command(self, node, *arguments, parse=True):
        command = [self.teller, "bench", "--connect", node.endpoint, "--json", *arguments]
        if parse:
            return run_json(command)
        subprocess.run([str(word) for word in command], check=True, timeout=RUN_TIMEOUT_S,
                       stderr=subprocess.DEVNULL)
        return None

    def load(self, node, seconds=None, **options):
        """batch=8000 becomes --batch 8000; True is a flag."""
        words = ["--seconds", f"{seconds or self.seconds}s"] if "transfers" not in options else []
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [value])
        return self.load_command(node, *words)

    def crowd(self, rail, count):
        """So many remittances through teller-bank, without faults."""
        return run_json([sys.executable, ROOT / "tests/integration/remittance_crowd.py", "--teller", self.teller,
                         "--bank", Path(self.teller).parent.parent / "sim/bank/teller-bank", "--count", count,
                         "--rail", rail, "--kills", 0, "--faults", 0, "--json"])

    def start_load(self, node, *arguments):
        """Load in the background; the caller ends the process."""
        return subprocess.Popen([str(word) for word in (self.teller, "bench", "--connect", node.endpoint,
                                                        "--json", *arguments)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pipeline(self, partitions, batch, window, cross_share):
        directory = tempfile.mkdtemp(prefix="pipeline-")
        try:
            return run_json([self.pipeline_program, "--dir", directory, "--workers", partitions, "--batch", batch,
                             "--window", window, "--cross-share", cross_share, "--seconds", self.seconds])
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def beside(self, partitions, batch, window, cross_share=0):
        """(teller, pipeline): the same load on both, in turns, each on an empty disk; the median by rate."""
        ours, limits = [], []
        for _ in range(self.rounds):
            limits.append(self.pipeline(partitions, batch, window, cross_share))
            with self.node(partitions) as node:
                ours.append(self.load(node, batch=batch, window=window, cross_share=cross_share))
        return median(ours), median(limits)

    def status(self, node):
        with Client(node.endpoint) as client:
            return client.expect_ok("status")


def median(runs):
    """The run whose rate is the median."""
    middle = statistics.median_low([run["transfers_per_s"] for run in runs])
    return next(run for run in runs if run["transfers_per_s"] == middle)


def anonymous_bytes(pid):
    """Memory of a process's own; mapped files are the page cache's and can be dropped."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise BenchError("the kernel does not tell RssAnon")
