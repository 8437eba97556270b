#!/usr/bin/env python3
"""Seeds of a service's world: none breaks, and the same seed is the same run twice.

  twice.py --program TELLER-SIM --world events [--seeds N]
"""
import argparse
import subprocess
import sys


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--world", required=True)
    parser.add_argument("--seeds", type=int, default=300)
    options = parser.parse_args()
    command = [options.program, f"--{options.world}", "--quiet", "--seeds", str(options.seeds)]
    code, lines = run([*command, "--digest"])
    if code != 0:
        print(run(command)[1])
        return 1
    again = run([*command, "--digest"])[1]
    differing = [pair for pair in zip(lines.splitlines(), again.splitlines()) if pair[0] != pair[1]]
    print(f"{options.seeds} seeds, {len(set(line.split()[1] for line in lines.splitlines()))} different runs, "
          f"{len(differing)} differ the second time: {differing[:3]}")
    is_right = not differing and len(lines.splitlines()) == len(again.splitlines()) == options.seeds
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
