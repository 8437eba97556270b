#!/usr/bin/env python3
"""Measures teller beside the bare pipeline. `./dev bench` builds what it needs and calls this.

  bench.py [NAME ...] [--quick] [--json]     all but peers when no name is given
  bench.py peers [--quick]                   PostgreSQL, Redis and teller; writes docs/BENCHMARKS.md

A figure is met when it reaches "at least". Machines differ: where it does not, 60 % of what the bare pipeline reaches on the
same machine, in the same minute, counts too. The exit code is 1 when any figure is missed.
"""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from figures import BENCHES, run_all
from runs import ROOT, Bench, BenchError, say

COLUMNS = ("name", "what", "measured", "at least", "aim", "pipeline", "ratio", "verdict")


def number(value, unit):
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text + unit if unit in ("/s",) else f"{text} {unit}"


def row(name, figure):
    sign = "≤ " if figure.less else ""
    bound = [sign + number(value, figure.unit) if value is not None else ""
             for value in (figure.at_least, figure.aim)]
    ratio = f"{100 * figure.ratio:.0f} %" if figure.ratio else ""
    return (name, figure.what, number(figure.measured, figure.unit), *bound,
            number(figure.pipeline, figure.unit), ratio, figure.verdict)


def print_table(rows):
    widths = [max(len(line[i]) for line in (COLUMNS, *rows)) for i in range(len(COLUMNS))]
    for line in (COLUMNS, tuple("-" * width for width in widths), *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())


def measure(bench, names, as_json):
    rows = []
    for name, run, figures in run_all(bench, names):
        lines = [row(name, figure) for figure in figures]
        rows += lines
        if as_json:
            print(json.dumps({"bench": name, **run, "quick": bench.quick,
                              "figures": [figure.as_json() for figure in figures]}), flush=True)
        for line in lines:
            say(f"  {line[1]}: {line[2]}, {line[-1]}")
    missed = [line for line in rows if line[-1] == "MISSED"]
    if not as_json:
        print_table(rows)
        print(f"\n{len(rows)} figures, {len(missed)} missed"
              + "".join(f"\n  {line[0]}: {line[1]}: {line[2]}" for line in missed))
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description=__doc__.split("\n\n", maxsplit=1)[0], epilog=__doc__.split("\n\n")[-1])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHES)}, all, peers")
    parser.add_argument("--quick", action="store_true", help="shorter runs; all of them in under 10 minutes")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each bench")
    parser.add_argument("--scratch", default=ROOT / "build" / "bench", help="where data directories go: on a disk")
    options = parser.parse_args()
    names = [name for word in options.names or ["all"] for name in (BENCHES if word == "all" else [word])]
    unknown = [name for name in names if name not in BENCHES and name != "peers"]
    if unknown:
        parser.error(f"there is no bench {unknown[0]}; there are {', '.join(BENCHES)}, all and peers")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    teller = os.environ.get("TELLER", ROOT / "build" / "release" / "broker" / "teller")
    Path(options.scratch).mkdir(parents=True, exist_ok=True)
    scratch = tempfile.mkdtemp(prefix="run-", dir=options.scratch)
    bench = Bench(teller, options.quick, scratch)
    code = 0
    try:
        if "peers" in names:
            from peers.run import run_peers
            run_peers(bench, options.json)
            names = [name for name in names if name != "peers"]
        if names:
            code = measure(bench, names, options.json)
    except BenchError as error:
        say(f"bench: {error}")
        code = 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
