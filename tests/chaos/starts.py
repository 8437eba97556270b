"""A node that is started under a limit it cannot live with says so in a sentence and ends; it does not wait for ever, nor abort.

  starts.py --teller PATH
"""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from node import Node, NodeError  # noqa: E402

MIB = 1 << 20
EXIT_ERROR, EXIT_DATA = 1, 3
REFUSED = [
    # (limit of prlimit, exit code)
    ("--nofile=4", EXIT_DATA), ("--nofile=8", EXIT_ERROR), ("--nofile=12", EXIT_ERROR), ("--nofile=16", EXIT_ERROR),
    ("--nofile=32", EXIT_ERROR), ("--nofile=40", EXIT_ERROR), ("--nofile=64", EXIT_ERROR), ("--nofile=115", EXIT_ERROR),
    (f"--as={48 * MIB}", EXIT_ERROR), (f"--as={64 * MIB}", EXIT_ERROR), (f"--as={90 * MIB}", EXIT_ERROR),
]
SERVED = ["--nofile=116", "--nofile=128", "--fsize=1048576"]


def check_refused(node, limit, code):
    node.prefix = ["prlimit", limit]
    before = len(node.stderr())
    try:
        node.start()
    except NodeError:
        words = node.stderr()[before:]
        assert node.process.returncode == code, f"{limit}: exit {node.process.returncode}\n{words}"
        assert words.startswith("teller serve: "), f"{limit}: {words}"
        print(f"{limit}: {words.strip()}")
        return
    raise AssertionError(f"under {limit} it serves")


def check_served(node, limit):
    node.prefix = ["prlimit", limit]
    node.start()
    assert node.stop() == 0
    print(f"{limit}: it serves")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    node = Node(options.parse_args().teller, partitions=2)
    try:
        for limit in SERVED:
            check_served(node, limit)
        for limit, code in REFUSED:
            check_refused(node, limit, code)
    finally:
        node.destroy()


if __name__ == "__main__":
    main()
