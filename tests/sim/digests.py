#!/usr/bin/env python3
"""The same seed is the same run, whatever the compiler made of the sources: the simulator is built with gcc and clang, with
-O0 and -O2, and each build's lines of seed and digest must be equal, and equal to those of the build under test, twice.

  digests.py --program TELLER-SIM --build FOLDER [--seeds N] [--hours H]
"""
import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [("clang", "-O0"), ("clang", "-O2"), ("gcc", "-O0")]  # the build under test is gcc's -O2


def run(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit {result.returncode}\n"
                 f"{result.stdout[-4000:]}{result.stderr[-4000:]}")
    return result.stdout


def build(folder, compiler, level):
    """Fortified calls are compiled away at -O0 and warned about, so that flag goes."""
    run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", f"-DCMAKE_C_COMPILER={compiler}",
         "-DCMAKE_BUILD_TYPE=Debug", f"-DCMAKE_C_FLAGS_DEBUG={level} -g -Wno-error=cpp -Wno-cpp -Wno-#warnings"
         if compiler == "clang" else f"-DCMAKE_C_FLAGS_DEBUG={level} -g -Wno-error=cpp -Wno-cpp"])
    run(["cmake", "--build", folder, "--target", "teller-sim"])
    return folder / "sim" / "teller-sim"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--hours", default="1")
    options = parser.parse_args()
    arguments = ["--seeds", options.seeds, "--hours", options.hours, "--digest"]
    expected = run([options.program, *arguments])
    if len(expected.splitlines()) < options.seeds:
        sys.exit(f"{options.seeds} lines were expected:\n{expected}")
    builds = [("the same program again", options.program)]
    builds += [(f"{compiler} {level}", build(options.build / f"{compiler}{level}", compiler, level))
               for compiler, level in OTHERS]
    differing = 0
    for name, program in builds:
        lines = run([program, *arguments])
        differing += lines != expected
        print(f"{name}: {'equal' if lines == expected else 'DIFFERENT'}")
        if lines != expected:
            print("\n".join(f"  {ours}   {theirs}" for ours, theirs in
                            zip(expected.splitlines(), lines.splitlines()) if ours != theirs))
    print(f"{options.seeds} seeds, {len(builds) + 1} runs, {differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
