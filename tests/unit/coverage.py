#!/usr/bin/env python3
"""Which lines of the product the tests have run: coverage.py BUILD_DIRECTORY.

Reads the counts that a coverage build leaves behind, through gcov, and prints one line a file: how many
of its lines ran, and which did not.
"""
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

FOLDERS = ("actors/", "broker/", "store/", "adapters/", "clients/", "sim/")


def count_lines(build):
    """{file: {line: times run}}, summed over all objects that contain the file."""
    files = defaultdict(lambda: defaultdict(int))
    root = Path.cwd()
    for counts in sorted(build.rglob("*.gcda")):
        output = subprocess.run(["gcov", "--json-format", "--stdout", counts.resolve()],
                                check=True, capture_output=True, text=True).stdout
        for line in output.splitlines():
            for entry in json.loads(line)["files"]:
                path = Path(entry["file"])
                name = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
                for row in entry["lines"]:
                    files[name][row["line_number"]] += row["count"]
    return {name: lines for name, lines in files.items() if name.startswith(FOLDERS)}


def as_ranges(numbers):
    """[3, 4, 5, 9] as "3-5 9"."""
    ranges = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def main(build):
    total = run = 0
    for name, lines in sorted(count_lines(Path(build)).items()):
        missed = sorted(number for number, count in lines.items() if count == 0)
        total += len(lines)
        run += len(lines) - len(missed)
        print(f"{100 * (1 - len(missed) / len(lines)):6.1f} %  {name}  {as_ranges(missed)}")
    if total == 0:
        print("no counts: build the coverage preset and run the tests first")
        return 1
    print(f"{100 * run / total:6.1f} %  of {total} lines")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(2)
    sys.exit(main(sys.argv[1]))
