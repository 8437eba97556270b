"""Redis 7 with every write on disk before its answer, driven by its own redis-benchmark."""
import csv
import io
import shutil
import subprocess
from pathlib import Path

from peers.packages import end, free_port, install, run, wait_until

HERE = Path(__file__).resolve().parent
OPENING_BALANCE = 1_000_000_000  # a million of them add up exactly in a double, which is all that Lua has
RETENTION_S = 7 * 24 * 3600
SETTINGS = {
    "appendonly": "yes", "appendfsync": "always", "auto-aof-rewrite-percentage": "0", "save": "",
    "bind": "127.0.0.1", "protected-mode": "yes", "daemonize": "no",
}
# A draw of redis-benchmark has twelve digits.
OPEN = "for i = 0, tonumber(ARGV[1]) - 1 do redis.call('SET', string.format('a:%012d', i), ARGV[2]) end"
SUM = ("local sum = 0 for i = 0, tonumber(ARGV[1]) - 1 do "
       "sum = sum + redis.call('GET', string.format('a:%012d', i)) end return string.format('%.0f', sum)")


class Redis:
    """A server of its own in a scratch directory."""

    def __init__(self, scratch, accounts):
        install("redis-server", "/usr/bin/redis-server")
        install("redis-tools", "/usr/bin/redis-benchmark")
        self.accounts = accounts
        self.home = Path(scratch) / "redis"
        self.home.mkdir()
        self.port = free_port()
        self.process = self.script = None

    def __enter__(self):
        settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/redis-server", "--port", str(self.port), "--dir", str(self.home), *settings],
                cwd=self.home, stdout=log, stderr=log)
        wait_until(lambda: subprocess.run(self.command("redis-cli", "ping"), capture_output=True,
                                          check=False).stdout == b"PONG\n", self.process, "Redis")
        self.ask("EVAL", OPEN, 0, self.accounts, OPENING_BALANCE)
        self.script = self.ask("SCRIPT", "LOAD", (HERE / "transfer.lua").read_text(encoding="utf-8"))
        return self

    def __exit__(self, *_):
        if self.process is not None:
            end(self.process)
        shutil.rmtree(self.home, ignore_errors=True)

    def command(self, program, *words):
        return [f"/usr/bin/{program}", "-p", str(self.port), *map(str, words)]

    def ask(self, *words):
        return run(self.command("redis-cli", "-e", *words)).strip()

    def version(self):
        line = next(line for line in self.ask("INFO", "server").splitlines() if line.startswith("redis_version:"))
        return "Redis " + line.split(":")[1].strip()

    def transfers(self, count, clients, pipelined):
        """Transfers a second, and p50, p99 and max in milliseconds."""
        # The id is two draws, so that it is new each time.
        words = ["-c", clients, "-P", pipelined, "-n", count, "-r", self.accounts, "--csv", "-e",
                 "EVALSHA", self.script, 3, "t:__rand_int__:__rand_int__", "a:__rand_int__", "a:__rand_int__", 100,
                 RETENTION_S]
        out = run(self.command("redis-benchmark", *words))
        line = next(csv.DictReader(io.StringIO(out[out.index('"test"'):])))
        return float(line["rps"]), float(line["p50_latency_ms"]), float(line["p99_latency_ms"]), float(
            line["max_latency_ms"])

    def check(self, expected):
        """Money is neither made nor lost, and there is a record for each transfer but for ids drawn twice."""
        total = int(self.ask("EVAL", SUM, 0, self.accounts))
        assert total == self.accounts * OPENING_BALANCE, "Redis: the sum of balances has changed"
        records = int(self.ask("EVAL", "local n = 0 local c = '0' repeat local r = redis.call('SCAN', c, 'MATCH', 't:*', "
                               "'COUNT', 100000) c = r[1] n = n + #r[2] until c == '0' return n", 0))
        assert records > 0.999 * expected, f"Redis: {records} records for {expected} transfers"
