#!/usr/bin/env python3
"""Looks for planted bugs: runs the simulator with each bug on, seed by seed, until a checker finds it.

  hunt.py --build DIR              builds the simulator with the bugs in DIR (plant.py) and hunts them all
          [--seeds 10]             at the most so many seeds for a bug
          [--hours 1]              simulated time of a run
          [--only NAME ...]        these bugs only
          [--known]                begins with the seed that docs/PLANTED.md names: quicker, and as strict
          [--write]                writes docs/PLANTED.md
          [--jobs 2]

It fails when a bug is not found, when the simulator finds something without a bug, or when the alarm itself is not found.
"""
import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mutations as planted

HERE = Path(__file__).resolve().parent
TABLE = HERE.parents[1] / "docs" / "PLANTED.md"
FINE, BREACH = 0, 1
TIMEOUT_S = 100

HEAD = """# Planted bugs

Does the simulator find bugs? Each line is one that was put into a copy of the real sources, one at a time, and the
checker that found it. `tests/planted/mutations` has their code; `./dev test` plants and hunts them all, each with at
most {seeds} seeds of {minutes} simulated minutes. This page is written by `tests/planted/hunt.py --write`.

`I1` to `I10` are the invariants of `sim/check/oracle.h` and `sim/world.h`, `E1` to `E6` those of `sim/events/watch.h`,
`R1` to `R5` those of `sim/rates/model.h`, `W1` to `W13` those of `sim/remittances/watch.h`; CHECK is one of the production code's own. *After* is simulated
time (a CHECK ends the process without telling it), and *seed* the first of 1, 2, 3 … that found it. `{alarm}` is there to prove the alarm.

{found} bugs, {first} of them found by the first seed.

| bug | what is wrong | found by | after | seed |
|---|---|---|---|---|
"""


class Finding:
    def __init__(self, seed, checker, at, text):
        self.seed, self.checker, self.at, self.text = seed, checker, at, text


def finding_of(seed, output):
    """What the simulator says in its first line: "seed 7: I3 at 12.5 s: …", or "seed 7: crash: …"."""
    said = re.search(r"^seed \d+: (\w+)(?: at ([\d.]+) s)?: (.*)$", output, re.M)
    if not said:
        sys.exit(f"seed {seed} broke, and the simulator does not say how:\n{output[-4000:]}")
    checker = "CHECK" if said.group(3).startswith("CHECK") else said.group(1)
    return Finding(seed, checker, float(said.group(2) or 0), output)


def run_seed(options, name, seed, world=""):
    """None when the run is fine, else a Finding."""
    environment = dict(os.environ, TELLER_PLANTED=name)
    command = [options.sim, *([f"--{world}"] if world else []), "--quiet", "--seed", str(seed), "--hours", str(options.hours)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return Finding(seed, "no end", 0.0, "")
    output = done.stdout + done.stderr
    if done.returncode == FINE:
        return None
    if done.returncode != BREACH:
        sys.exit(f"{' '.join(map(str, command))} with {name or 'no bug'} ended with {done.returncode}:\n{output[-4000:]}")
    return finding_of(seed, output)


def hunt(options, mutation, usable, known):
    """Tries seeds until one finds the bug."""
    seeds = list(usable)
    first = known.get(mutation.name)
    if first in seeds:
        seeds.remove(first)
        seeds.insert(0, first)
    began = time.monotonic()
    finding = None
    for seed in seeds:
        finding = run_seed(options, mutation.name, seed, mutation.world)
        if finding:
            break
    seconds = time.monotonic() - began
    said = f"found by {finding.checker}, seed {finding.seed} at {finding.at:.0f} s" if finding else "NOT FOUND"
    print(f"{mutation.name}: {said}, {seconds:.1f} s", flush=True)
    if finding and options.show:
        print(finding.text[-3000:], flush=True)
    return finding


def known_seeds():
    """{name: seed} of the table as it is."""
    if not TABLE.is_file():
        return {}
    rows = re.findall(r"^\| `([^`]+)` \|.*\| (\d+) \|$", TABLE.read_text(encoding="utf-8"), re.M)
    return {name: int(seed) for name, seed in rows}


def after(finding):
    return f"{finding.at:.0f} s" if finding.at else "–"


def write_table(options, mutations, findings):
    rows = [(mutation, finding) for mutation, finding in zip(mutations, findings) if finding]
    text = HEAD.format(seeds=options.seeds, minutes=round(options.hours * 60), alarm=planted.ALARM, found=len(rows),
                       first=sum(finding.seed == 1 for _, finding in rows))
    for mutation, finding in rows:
        text += f"| `{mutation.name}` | {mutation.sentence} | {finding.checker} | {after(finding)} | {finding.seed} |\n"
    TABLE.write_text(text, encoding="utf-8")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--known", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--show", action="store_true", help="what the simulator said")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    options.sim = options.build / "build" / "sim" / "teller-sim"
    return options


def main():
    options = parse()
    subprocess.run([sys.executable, HERE / "plant.py", "--build", options.build, "--jobs", str(options.jobs)], check=True)
    mutations = [mutation for mutation in planted.read_all() if not options.only or mutation.name in options.only]
    known = known_seeds() if options.known else {}
    with ThreadPoolExecutor(options.jobs) as pool:
        worlds = sorted({mutation.world for mutation in mutations})
        innocent = {world: list(pool.map(lambda seed, of=world: run_seed(options, "", seed, of),
                                         range(1, options.seeds + 1))) for world in worlds}
        usable = {world: [seed for seed, finding in enumerate(innocent[world], 1) if not finding] for world in worlds}
        findings = list(pool.map(lambda mutation: hunt(options, mutation, usable[mutation.world], known), mutations))
    failures = [f"without a bug, seed {finding.seed} finds {finding.checker}:\n{finding.text[-2000:]}"
                for world in worlds for finding in innocent[world] if finding]
    failures += [f"{mutation.name} is not found: {mutation.sentence}"
                 for mutation, finding in zip(mutations, findings) if not finding]
    if options.write and not options.only:
        write_table(options, mutations, findings)
    print("\n".join(failures) or f"{len(mutations)} bugs, all found")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
