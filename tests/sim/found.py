#!/usr/bin/env python3
"""Runs of the simulator that broke once, each by the arguments that replayed it: found.txt. None may break again.

What a seed draws changes with the simulator, so a line proves the most while it is young; what lasts is written as a
scenario in sim/script/cases.

  found.py --program TELLER-SIM
"""
import argparse
import shlex
import subprocess
import sys
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    options = parser.parse_args()
    lines = (Path(__file__).parent / "found.txt").read_text(encoding="utf-8").splitlines()
    runs = [line for line in lines if line and not line.startswith("#")]
    broken = 0
    for line in runs:
        result = subprocess.run([options.program, *shlex.split(line), "--quiet"], capture_output=True, text=True,
                                check=False)
        if result.returncode != 0:
            broken += 1
            print(f"teller-sim {line}: exit {result.returncode}\n{result.stdout[-6000:]}{result.stderr[-2000:]}")
    print(f"{len(runs)} runs, {broken} broken")
    return 1 if broken or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
