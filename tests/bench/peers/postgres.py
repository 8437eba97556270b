"""PostgreSQL 15 with every commit on disk, driven by its own pgbench."""
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from peers.packages import end, free_port, install, run, wait_until

BIN = Path("/usr/lib/postgresql/15/bin")
HERE = Path(__file__).resolve().parent
CLIENTS = 32
BATCH = 8000
OPENING_BALANCE = 100_000_000_000
SETTINGS = {
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
    "shared_buffers": "2GB", "max_wal_size": "16GB", "checkpoint_timeout": "30min", "max_connections": "64",
    "listen_addresses": "127.0.0.1",
}
SCRIPT_SINGLE = """\\set from random(1, :accounts)
\\set step random(1, :accounts - 1)
\\set to 1 + (:from + :step - 1) % :accounts
\\set amount random(1, 10000)
select transfer(gen_random_uuid(), :from, :to, :amount);
"""
SCRIPT_BATCH = "select transfer_batch_random(:batch, :accounts);\n"


class Postgres:
    """A cluster of its own in a scratch directory. The server refuses root, so root runs it as postgres."""

    def __init__(self, scratch, accounts):
        install("postgresql-15", BIN / "postgres")
        self.accounts = accounts
        self.home = Path(scratch) / "postgres"
        self.home.mkdir()
        self.user = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.home, account.pw_uid, account.pw_gid)
            self.user = ["runuser", "-u", "postgres", "--"]
        self.port = free_port()
        self.process = None

    def command(self, program, *words):
        return [*self.user, str(BIN / program), *map(str, words)]

    def __enter__(self):
        data = self.home / "data"
        run(self.command("initdb", "--no-sync", "-A", "trust", "-U", "bench", "-D", data), cwd=self.home)
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(self.home / "log", "wb") as log:
            self.process = subprocess.Popen(
                self.command("postgres", "-D", data, "-p", self.port, "-k", self.home, *settings),
                cwd=self.home, stdout=log, stderr=log, start_new_session=True)
        ready = self.command("pg_isready", "-q", "-h", "127.0.0.1", "-p", self.port)
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, self.process, "PostgreSQL")
        self.sql((HERE / "postgres.sql").read_text(encoding="utf-8"))
        self.sql(f"insert into accounts select i, {OPENING_BALANCE}, 0 from generate_series(1, {self.accounts}) as i; "
                 "vacuum analyze accounts; checkpoint")
        return self

    def __exit__(self, *_):
        if self.process is not None:
            # runuser passes the signal on; SIGTERM would wait for clients, of which there are none.
            end(self.process)
        shutil.rmtree(self.home, ignore_errors=True)

    def sql(self, text):
        command = [BIN / "psql", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", "bench",
                   "-d", "postgres", "-f", "-"]
        return run(command, input=text.replace("; ", ";\n")).strip()

    def version(self):
        return "PostgreSQL " + self.sql("show server_version").split()[0]

    def pgbench(self, script, clients, seconds):
        """Calls a second, and the mean milliseconds of one."""
        path = self.home / "script.sql"
        path.write_text(script, encoding="utf-8")
        out = run([BIN / "pgbench", "-n", "-M", "prepared", "-c", clients, "-j", min(clients, os.cpu_count()), "-T",
                   seconds, "-D", f"accounts={self.accounts}", "-D", f"batch={BATCH}", "-f", path, "-h", "127.0.0.1",
                   "-p", self.port, "-U", "bench", "postgres"])
        return (float(re.search(r"^tps = ([\d.]+)", out, re.MULTILINE).group(1)),
                float(re.search(r"^latency average = ([\d.]+)", out, re.MULTILINE).group(1)))

    def check(self):
        """Money is neither made nor lost, and every transfer has its record and two entries."""
        answer = self.sql("select (select sum(balance) from accounts), (select 2 * count(*) from transfers), "
                          "(select count(*) from history), (select sum(entries) from accounts)")
        total, records, entries, counted = map(int, answer.split("|"))
        assert total == self.accounts * OPENING_BALANCE, "PostgreSQL: the sum of balances has changed"
        assert records == entries == counted, "PostgreSQL: entries are missing"

    def single(self, seconds):
        return self.pgbench(SCRIPT_SINGLE, CLIENTS, seconds)

    def batch(self, seconds, clients):
        calls, latency_ms = self.pgbench(SCRIPT_BATCH, clients, seconds)
        return calls * BATCH, latency_ms
