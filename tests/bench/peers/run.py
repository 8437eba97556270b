"""The peers' run: each in its best honest form, teller in the same form, one table, one page, one chart."""
import datetime
import json
import os
import platform
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from peers.postgres import BATCH, CLIENTS, Postgres
from peers.redis import Redis
from peers.report import write_chart, write_page
from runs import ROOT, say

POSTGRES_AT_LEAST, REDIS_AT_LEAST = 20, 5
PIPELINED = 64


@dataclass
class Row:
    """One form of the work, done by teller and by a peer."""
    form: str
    peer: str
    how: str
    rate: float
    peer_latency: str
    teller_how: str
    teller_rate: float
    at_least: float

    @property
    def ratio(self):
        return self.teller_rate / self.rate


def measure_teller(bench, accounts):
    """Each form on a new node with one partition: what one processor core decides, as the peers' forms do."""
    runs = {}
    for name, batch, window in (("single", 1, 1024), ("pipelined", PIPELINED, 16), ("batch", BATCH, 8)):
        with bench.node(1, accounts) as node:
            runs[name] = bench.load(node, accounts=accounts, batch=batch, window=window)
        say(f"  teller, {name}: {runs[name]['transfers_per_s']:,.0f}/s")
    return runs


def measure_postgres(bench, scratch, accounts):
    seconds = 10 if bench.quick else 30
    with Postgres(scratch, accounts) as server:
        single = server.single(seconds)
        say(f"  PostgreSQL, {CLIENTS} connections: {single[0]:,.0f}/s")
        batches = {clients: server.batch(seconds, clients) for clients in ((2,) if bench.quick else (1, 2, 4))}
        clients = max(batches, key=lambda count: batches[count][0])
        say(f"  PostgreSQL, set-based: {batches[clients][0]:,.0f}/s with {clients} connections")
        server.check()
        return server.version(), single, clients, batches[clients]


def measure_redis(bench, scratch, accounts):
    count = 200_000 if bench.quick else 600_000
    with Redis(scratch, accounts) as server:
        single = server.transfers(count, 256, 1)
        say(f"  Redis, one at a time: {single[0]:,.0f}/s")
        pipelined = server.transfers(2 * count, 16, PIPELINED)
        say(f"  Redis, pipelined: {pipelined[0]:,.0f}/s")
        server.check(3 * count)
        return server.version(), single, pipelined


def machine():
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
                if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
                  if line.startswith("MemTotal"))
    return f"{os.cpu_count()} × {cpu}, {memory >> 20} GiB of memory, Linux {platform.release().split('-')[0]}"


def file_system(path):
    return subprocess.run(["df", "--output=fstype", str(path)], capture_output=True, text=True,
                          check=True).stdout.split()[-1]


def compare(bench, scratch, accounts):
    teller = measure_teller(bench, accounts)
    postgres, p_single, p_clients, p_batch = measure_postgres(bench, scratch, accounts)
    redis, r_single, r_pipelined = measure_redis(bench, scratch, accounts)

    def row(form, peer, how, rate, latency, mine, mine_how, at_least):
        return Row(form, peer, how, rate, latency, mine_how, teller[mine]["transfers_per_s"], at_least)
    one, many = "one transfer a message, 1,024 in flight", f"batches of {BATCH:,}, 8 in flight"
    rows = [
        row("one transfer a call", postgres, f"a function call each, prepared, {CLIENTS} connections", p_single[0],
            f"mean {p_single[1]:.1f} ms", "single", one, POSTGRES_AT_LEAST),
        row("a batch a call", postgres, f"one set-based call for {BATCH:,}, {p_clients} connections", p_batch[0],
            f"mean {p_batch[1]:.0f} ms", "batch", many, POSTGRES_AT_LEAST),
        row("one transfer a call", redis, "a Lua script each, 256 connections", r_single[0],
            f"p50 {r_single[1]:.1f} ms, p99 {r_single[2]:.1f} ms", "single", one, REDIS_AT_LEAST),
        row("many together", redis, f"the script pipelined, {PIPELINED} deep, 16 connections", r_pipelined[0],
            f"p50 {r_pipelined[1]:.1f} ms, p99 {r_pipelined[2]:.1f} ms", "pipelined",
            f"batches of {PIPELINED}, 16 in flight", REDIS_AT_LEAST),
    ]
    return rows, teller


def print_rows(rows):
    for row in rows:
        verdict = "met" if row.ratio >= row.at_least else "MISSED"
        print(f"{row.form:20} {row.peer:18} {row.rate:>9,.0f}/s   teller {row.teller_rate:>11,.0f}/s   "
              f"{row.ratio:6.1f} times, at least {row.at_least}: {verdict}")


def run_peers(bench, as_json):
    """Runs all; prints the table; writes docs/BENCHMARKS.md and docs/benchmarks.svg."""
    accounts = 100_000 if bench.quick else 1_000_000
    # PostgreSQL runs as another user, who must be able to reach its directory: so all of them work here.
    scratch = tempfile.mkdtemp(prefix="teller-peers-", dir="/var/tmp")
    os.chmod(scratch, 0o755)
    usual, tempfile.tempdir = tempfile.tempdir, scratch
    try:
        say(f"peers, {accounts:,} accounts …")
        rows, teller = compare(bench, scratch, accounts)
        facts = {
            "date": datetime.date.today().isoformat(), "machine": machine(), "file_system": file_system(scratch),
            "accounts": accounts, "version": teller_version(bench), "quick": bench.quick,
        }
    finally:
        tempfile.tempdir = usual
        shutil.rmtree(scratch, ignore_errors=True)
    print_rows(rows)
    if as_json:
        print(json.dumps({"bench": "peers", **facts, "rows": [{**vars(row), "ratio": round(row.ratio, 1)} for row in rows]}))
    write_page(ROOT / "docs" / "BENCHMARKS.md", facts, rows, teller)
    write_chart(ROOT / "docs" / "benchmarks.svg", rows)
    say("written: docs/BENCHMARKS.md, docs/benchmarks.svg")


def teller_version(bench):
    return subprocess.run([bench.teller, "--version"], capture_output=True, text=True, check=True).stdout.strip()
