#!/usr/bin/env python3
"""Builds a program with bugs in it.

  plant.py --build DIR [--target teller-sim] [--jobs 2] [--build-type RelWithDebInfo]
      copies the sources to DIR/source, plants every bug of mutations/ there, and builds the target in DIR/build
  plant.py --check
      only tells whether every bug still fits the sources
  plant.py --list

A program so built behaves as always until TELLER_PLANTED names a bug: see planted.h and mutations.py.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

import mutations as planted

ROOT = Path(__file__).resolve().parents[2]
WANTED = re.compile(r"(\.[ch]|\.py|\.txt|\.inc|\.cmake|CMakeLists\.txt)$")
BASE = "actors/base/CMakeLists.txt"


def source_files():
    """What git tracks or would track; without git, every file outside build and hidden folders."""
    git = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard"],
                         capture_output=True, text=True, check=False)
    if git.returncode == 0:
        names = set(git.stdout.splitlines())
    else:
        names = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()}
        names = {name for name in names if not re.match(r"(build|\.)", name)}
    return sorted(name for name in names if WANTED.search(name) and (ROOT / name).is_file())


def read_source(path):
    return (ROOT / path).read_text(encoding="utf-8")


def sources_with(mutations):
    """{path: text} of the whole tree, with the bugs in it, and what chooses among them in the library of all."""
    texts = {name: read_source(name) for name in source_files()}
    texts.update(planted.apply_all(mutations, read_source))
    texts["tests/planted/names.inc"] = "".join(f'"{mutation.name}",\n' for mutation in mutations)
    texts[BASE] = texts[BASE].replace("teller_library(base\n",
                                      "teller_library(base\n  ${CMAKE_SOURCE_DIR}/tests/planted/planted.c\n")
    if "planted.c" not in texts[BASE]:
        raise planted.Misfit(f"{BASE} does not declare the library as it used to")
    return texts


def write_tree(texts, folder):
    """Files that are as they should be keep their time, so that only what has changed is built again."""
    for path, text in texts.items():
        target = folder / path
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    for target in [path for path in folder.rglob("*") if path.is_file()]:
        if str(target.relative_to(folder)) not in texts:
            target.unlink()


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-8000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path)
    parser.add_argument("--target", default="teller-sim")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--build-type", default="RelWithDebInfo")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    try:
        mutations = planted.read_all()
        texts = sources_with(mutations)
    except planted.Misfit as misfit:
        sys.exit(str(misfit))
    if options.list:
        for mutation in mutations:
            print(f"{mutation.name}: {mutation.sentence}")
    elif options.build:
        write_tree(texts, options.build / "source")
        run(["cmake", "-S", options.build / "source", "-B", options.build / "build", "-G", "Ninja",
             f"-DCMAKE_BUILD_TYPE={options.build_type}"])
        run(["cmake", "--build", options.build / "build", "--target", options.target,
             "-j", str(options.jobs)])
    else:
        print(f"{len(mutations)} bugs fit the sources")


if __name__ == "__main__":
    main()
