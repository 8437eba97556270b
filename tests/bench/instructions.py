#!/usr/bin/env python3
"""Counts the instructions that the ledger core takes for a fixed load, and compares them with those on record.

  instructions.py PROGRAM             a rise above 5 % fails; 77: not counted here, and why
  instructions.py PROGRAM --update    writes the counts of today to instructions.json; commit it and say why

Time plays no part: callgrind counts. Counts belong to a compiler, so the record names it.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

RECORD = Path(__file__).resolve().parent / "instructions.json"
LOADS = ("transfers", "crossing", "repeats")
RISE_MAX = 0.05
SKIP = 77
VALGRIND = "/usr/bin/valgrind"
# The C library chooses its memcpy by the processor; without these all processors choose the same.
TUNABLES = "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-ERMS,-FSRM"


def skip(why):
    print(f"not counted: {why}")
    sys.exit(SKIP)


def compiler(program):
    """As the program itself names it."""
    notes = subprocess.run(["readelf", "-p", ".comment", program], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(GCC: .*? (\d+)\.|clang version (\d+)\.)", notes)
    if not found:
        return "unknown"
    return f"gcc {found.group(2)}" if found.group(2) else f"clang {found.group(3)}"


def count(program, load):
    """Instructions for each transfer."""
    with tempfile.TemporaryDirectory() as scratch:
        result = subprocess.run(
            [VALGRIND, "--tool=callgrind", "--toggle-collect=instructions_run", f"--callgrind-out-file={scratch}/out",
             program, load], capture_output=True, text=True, check=False,
            env={**os.environ, "GLIBC_TUNABLES": TUNABLES})
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or not found:
        sys.exit(f"{load}: callgrind did not count\n{result.stderr}")
    return int(found.group(1)) / int(result.stdout)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, update = sys.argv[1], "--update" in sys.argv
    if not os.path.exists(VALGRIND):
        skip("valgrind is not installed")
    if not update:
        if not RECORD.exists():
            sys.exit(f"{RECORD.name} is missing: run with --update")
        record = json.loads(RECORD.read_text(encoding="ascii"))
        if record["compiler"] != compiler(program):
            skip(f"the record is of {record['compiler']}, this program of {compiler(program)}")
    counts = {load: round(count(program, load), 1) for load in LOADS}
    if update:
        text = json.dumps({"compiler": compiler(program), "instructions_per_transfer": counts}, indent=2)
        RECORD.write_text(text + "\n", encoding="ascii")
        print(text)
        return 0
    failed = False
    for load, now in counts.items():
        then = record["instructions_per_transfer"][load]
        rise = now / then - 1
        failed = failed or rise > RISE_MAX
        print(f"{load}: {now} instructions for each transfer, {then} on record: {100 * rise:+.1f} %"
              + (", above +5 %" if rise > RISE_MAX else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
