"""A node under test: the real program on a scratch directory and a free port, ended by its own pid.

    with Node(program, partitions=2) as node:     # init and serve
        client = Client(node.endpoint)
        node.kill()                               # SIGKILL
        node.start()                              # the same directory again

A node that ends by itself, or does not serve in time, raises NodeError with what it wrote to stderr.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

# Generous: a run under ThreadSanitizer on a loaded machine is twenty times slower than a plain one.
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


class NodeError(Exception):
    """The program did not do what it was told."""


class Node:
    def __init__(self, program, partitions=1, data=None, options=(), prefix=()):
        """data: an existing data directory; left out, a new one is made in a scratch directory.
        prefix: a command to run the program under."""
        self.program = str(Path(program).resolve())
        self.partitions = partitions
        self.options = list(options)
        if self.is_built_with(b"libtsan.so"):  # it has no room for maps of the usual size
            self.options += ["--journal-size", "4G"]
        self.prefix = list(prefix)
        self.environment = {}  # of the node, beside that of the test
        self.scratch = Path(tempfile.mkdtemp(prefix="teller-test-"))
        self.data = Path(data) if data else self.scratch / "data"
        self.port_file = self.scratch / "port"
        self.log = self.scratch / "stderr"
        self.process = None
        self.endpoint = None
        if data is None:
            self.run("init", "--data", self.data, "--partitions", partitions)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.destroy()

    def run(self, *arguments, **options):
        """Runs another subcommand to its end and returns its stdout; raises where it fails."""
        result = self.try_run(*arguments, **options)
        if result.returncode != 0:
            raise NodeError(f"teller {' '.join(map(str, arguments))}: exit {result.returncode}\n"
                            f"{result.stdout}{result.stderr}")
        return result.stdout

    def try_run(self, *arguments, timeout_s=120, **options):
        """The same; returns the CompletedProcess whatever its exit code."""
        return subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True,
                              timeout=timeout_s, check=False, **options)

    def has_command(self, name):
        return self.try_run(name, "--help").returncode == 0

    def start(self):
        """Returns when it serves; after the first time on the same endpoint."""
        self.start_only()
        self.wait_until_serving()
        return self

    def start_only(self):
        self.port_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.program, "serve", "--data", str(self.data),
                 "--listen", self.endpoint or "tcp://127.0.0.1:0",
                 "--port-file", str(self.port_file), *self.options],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log,
                env={**os.environ, **self.environment})

    def wait_until_serving(self):
        give_up = time.monotonic() + START_TIMEOUT_S
        while not self.port_file.exists():
            if not self._still_runs(0.01):
                raise NodeError(f"the node ended with {self.process.returncode}\n{self.stderr()}")
            if time.monotonic() > give_up:
                self.kill()
                raise NodeError(f"the node does not serve\n{self.stderr()}")
        self.endpoint = self.port_file.read_text(encoding="ascii").strip()

    def _still_runs(self, seconds):
        try:
            self.process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            return True

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NodeError(f"the node does not end on SIGTERM\n{self.stderr()}") from None

    def stderr(self):
        """Its last words."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return text[-6000:]

    def resident_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def is_built_with(self, library):
        return library in Path(self.program).read_bytes()

    def is_sanitized(self):
        """Whether it has a sanitizer, which needs several times the memory."""
        return self.is_built_with(b"libasan.so") or self.is_built_with(b"libtsan.so")

    def descriptor_count(self):
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def destroy(self):
        if self.is_alive():
            self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)
