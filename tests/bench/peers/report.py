"""docs/BENCHMARKS.md and its chart, from one run. Nothing in them is written by hand."""
from peers.postgres import SETTINGS as POSTGRES_SETTINGS
from peers.redis import SETTINGS as REDIS_SETTINGS

PAGE = """# teller beside its peers

This page and its chart were written by `./dev bench peers{quick}` on {date}. To have it for your machine, run that.

![Transfers a second, durable: teller and its peers](benchmarks.svg)

{table}

teller in these runs:

{teller}

## What was measured

- The machine: {machine}; data on {file_system}. All servers and all clients run on it, over loopback, one after the other.
- Versions: {version}, {peers}.
- Each transfer moves a random amount between two of {accounts:,} accounts, drawn uniformly, and leaves an idempotency
  record under a new random id, two new balances, and an entry in the history of both accounts. Every answer waits for the disk.
- After each run the sum of all balances is compared with what was put in, and records are counted.

**teller**: one partition, so one thread that decides. `teller bench` checks every answer.

    teller bench --setup --accounts {accounts} --batch 1 --window 1024

**PostgreSQL**: [tables and functions](../tests/bench/peers/postgres.sql); integer account ids, accounts updated in the order
of their ids. The set-based form draws its random transfers inside the server, so it is spared reading them; it looks for overdrafts in sums
only. Of 1, 2 and 4 connections the fastest is shown (`--quick`: 2). Settings: {postgres_settings}.

    pgbench -n -M prepared -c 32 -j {jobs} -T SECONDS -f transfer.sql

**Redis**: [the script](../tests/bench/peers/transfer.lua). Balances are strings, histories are lists, records expire after
7 days. Settings: {redis_settings}.

    redis-benchmark -c 256 -r {accounts} EVALSHA … 3 t:ID a:FROM a:TO 100 604800
    redis-benchmark -c 16 -P 64 -r {accounts} EVALSHA … 3 t:ID a:FROM a:TO 100 604800
"""

BAR_LEFT, BAR_WIDTH, ROW_HEIGHT, BAR_HEIGHT, TOP = 300, 480, 26, 16, 46


def table(rows):
    lines = ["| form | peer | peer's rate | its latency | teller, in like form | teller's rate | teller is |",
             "|---|---|--:|---|---|--:|--:|"]
    for row in rows:
        lines.append(f"| {row.form} | {row.peer}: {row.how} | {row.rate:,.0f}/s | {row.peer_latency} | {row.teller_how} | "
                     f"{row.teller_rate:,.0f}/s | **{row.ratio:.1f} times** as fast |")
    return "\n".join(lines)


def teller_table(teller):
    lines = ["| form | transfers/s | p50 | p99 | journal bytes for each |", "|---|--:|--:|--:|--:|"]
    for name, run in teller.items():
        lines.append(f"| {name}: {run['batch']:.0f} a message, {run['window']:.0f} in flight | "
                     f"{run['transfers_per_s']:,.0f} | {run['p50_ms']:.2f} ms | {run['p99_ms']:.2f} ms | "
                     f"{run['bytes_per_transfer']:.0f} |")
    return "\n".join(lines)


def settings(pairs):
    return ", ".join(f"`{name} {value or chr(34) * 2}`" for name, value in pairs.items())


def write_page(path, facts, rows, teller):
    peers = ", ".join(dict.fromkeys(row.peer for row in rows))
    values = {**facts, "quick": " --quick" if facts["quick"] else "", "jobs": facts["machine"].split(" ")[0]}
    path.write_text(PAGE.format(**values, table=table(rows), teller=teller_table(teller), peers=peers,
                                postgres_settings=settings(POSTGRES_SETTINGS),
                                redis_settings=settings(REDIS_SETTINGS)), encoding="utf-8")


def bars(rows):
    """(label, rate, is ours), each form of teller once, fastest first."""
    found = {(f"{row.peer}, {row.form}", row.rate, False) for row in rows}
    found |= {(f"teller, {row.teller_how.split(', ')[0]}", row.teller_rate, True) for row in rows}
    return sorted(found, key=lambda bar: -bar[1])


def write_chart(path, rows):
    drawn = bars(rows)
    most = drawn[0][1]
    height = TOP + ROW_HEIGHT * len(drawn) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}" viewBox="0 0 900 {height}" role="img" '
        'aria-labelledby="title">',
        '  <title id="title">Durable transfers a second on one machine</title>',
        "  <style>",
        "    text { font: 13px system-ui, sans-serif; fill: #1f2328 }",
        "    .head { font-weight: 600; font-size: 15px }",
        "    .ours { fill: #0969da } .peer { fill: #8c959f }",
        "    @media (prefers-color-scheme: dark) {",
        "      text { fill: #e6edf3 } .ours { fill: #58a6ff } .peer { fill: #6e7681 }",
        "    }",
        "  </style>",
        '  <text class="head" x="10" y="24">Durable transfers a second on one machine</text>',
    ]
    for i, (label, value, is_ours) in enumerate(drawn):
        y = TOP + ROW_HEIGHT * i
        width = max(2.0, BAR_WIDTH * value / most)
        lines += [
            f'  <text x="{BAR_LEFT - 10}" y="{y + 13}" text-anchor="end">{label}</text>',
            f'  <rect class="{"ours" if is_ours else "peer"}" x="{BAR_LEFT}" y="{y}" width="{width:.1f}" '
            f'height="{BAR_HEIGHT}" rx="2"/>',
            f'  <text x="{BAR_LEFT + width + 8:.1f}" y="{y + 13}">{value:,.0f}</text>',
        ]
    path.write_text("\n".join([*lines, "</svg>"]) + "\n", encoding="utf-8")
