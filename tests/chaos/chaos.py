"""Chaos: the real server under load, and what a bad day does to it.

Clients keep what they were told (load.py). Troubles strike, in an order and with values drawn from a seed (process.py,
disk.py, limits.py, network.py, clock.py). After each one the books are checked (checks.py): no acknowledged transfer may be
lost, none may be there twice. The seed gives the same troubles again, though not the same moments: the load has threads.

  chaos.py --teller PATH [--libraries DIR]                     each trouble once
  chaos.py --teller PATH --kills N                             kill -9 N times, with other troubles of the process between
  chaos.py --teller PATH --seconds N [--trouble NAME...]       on and on
  chaos.py --list
  chaos.py --teller PATH --self-test     loses acknowledged transfers on purpose, and must notice
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

import clock  # noqa: E402
import disk  # noqa: E402
import limits  # noqa: E402
import network  # noqa: E402
import process  # noqa: E402
from load import Broken  # noqa: E402
from node import NodeError  # noqa: E402
from world import PLAIN_MEMORY, PRELOAD, World  # noqa: E402

TROUBLES = {trouble.name: trouble for family in (process, disk, limits, network, clock) for trouble in family.TROUBLES}
KILLS_BETWEEN_CHECKS = 10
WORLD_COMMANDS_MAX = 1_500_000  # then a new ledger, lest checking it take longer than troubling it
MAY_MOUNT = "TELLER_CHAOS_MAY_MOUNT"


class Tally:
    """What has been done, by trouble."""
    def __init__(self):
        self.rows = {}
        self.kills = self.commands = 0
        self.started = time.monotonic()

    def add(self, name, acknowledged, recovery_ms):
        times, before, slowest = self.rows.get(name, (0, 0, 0))
        self.rows[name] = (times + 1, before + acknowledged, max(slowest, recovery_ms))

    def times(self):
        return sum(times for times, _, _ in self.rows.values())

    def seconds(self):
        return time.monotonic() - self.started

    def line(self):
        acknowledged = sum(count for _, count, _ in self.rows.values())
        return (f"{self.seconds():6.0f} s  {self.times()} troubles, {self.kills} kills, {acknowledged:,} transfers "
                "acknowledged, 0 lost")

    def table(self, lost_in=None):
        lines = [f"{'trouble':20}{'times':>7}{'acknowledged':>14}{'lost':>8}{'slowest recovery':>18}"]
        for name, (times, acknowledged, slowest) in sorted(self.rows.items()):
            lost = "BROKEN" if name == lost_in else 0
            recovery = f"{slowest:,} ms" if slowest else "-"
            lines.append(f"{name:20}{times:>7}{acknowledged:>14,}{lost:>8}{recovery:>18}")
        return "\n".join(lines)


class Run:
    """Worlds one after the other, and troubles in them."""
    def __init__(self, given, seed):
        self.given, self.seed = given, seed
        self.random = random.Random(seed)
        self.tally = Tally()
        self.world = None
        self.striking = None

    def enter(self):
        if self.world is None:
            self.world = World(self.given.teller, self.given.libraries, self.random.randrange(1 << 30),
                               is_long=self.given.seconds is not None)

    def strike(self, trouble):
        self.enter()
        world, self.striking = self.world, trouble.name
        before = world.load.acknowledged()
        kills, world.recovery_ms, world.notes = world.kills, [0], []
        trouble.strike(world)
        world.load.raise_failure()
        self.tally.kills += world.kills - kills
        self.tally.add(trouble.name, world.load.acknowledged() - before, max(world.recovery_ms))

    def check(self):
        self.world.check()
        self.say(self.tally.line() + (f"  {self.striking}: {'; '.join(self.world.notes)}" if self.world.notes else ""))
        if self.world.books.totals["commands"] > WORLD_COMMANDS_MAX:
            self.leave()

    def leave(self):
        if self.world is not None:
            self.world.end()
            self.tally.commands += self.world.books.totals["commands"]
            self.world = None

    def say(self, text):
        if not self.given.json:
            print(text, flush=True)

    # --- what is to be done -------------------------------------------------------------------------------

    def each_once(self, troubles):
        for trouble in self.random.sample(troubles, len(troubles)):
            self.strike(trouble)
            self.check()
        self.leave()

    def on_and_on(self, troubles):
        give_up = time.monotonic() + self.given.seconds
        while time.monotonic() < give_up:
            self.each_in_turn(troubles, give_up)
        self.leave()

    def each_in_turn(self, troubles, give_up):
        """All of them, in a new order, so that each has its share."""
        for trouble in self.random.sample(troubles, len(troubles)):
            if time.monotonic() >= give_up:
                return
            self.strike(trouble)
            self.check()

    def kill(self, kills):
        """Several between two checks."""
        names = ["kill"] * 6 + ["kill_in_recovery"] + ["kill_in_checkpoint"] * 2
        checked = 0
        while self.tally.kills < kills:
            self.strike(TROUBLES[self.random.choice(names)])
            if self.tally.kills - checked >= KILLS_BETWEEN_CHECKS:
                checked = self.tally.kills
                self.strike(TROUBLES[self.random.choice(("pause", "terminate"))])
                self.check()
        self.leave()


def possible(given):
    """The troubles that can be had here; says which cannot."""
    missing = set() if given.libraries else {PRELOAD}
    if any(name in Path(given.teller).read_bytes() for name in (b"libasan.so", b"libtsan.so")):
        missing |= {PRELOAD, PLAIN_MEMORY}
    names = given.trouble or list(TROUBLES)
    unknown = [name for name in names if name not in TROUBLES]
    if unknown:
        sys.exit(f"chaos: no such trouble: {', '.join(unknown)}; --list names them")
    left_out = [name for name in names if missing & set(TROUBLES[name].needs)]
    if left_out and not given.json:
        print(f"left out, for want of {' and '.join(sorted(missing))}: {', '.join(left_out)}")
    return [TROUBLES[name] for name in names if name not in left_out]


def run(given):
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1_000_000)
    this = Run(given, seed)
    this.say(f"seed {seed}")
    try:
        if given.kills:
            this.kill(given.kills)
        if given.seconds:
            this.on_and_on(possible(given))
        if not given.kills and not given.seconds:
            this.each_once(possible(given))
    except (Broken, NodeError) as problem:
        print(this.tally.table(lost_in=this.striking), file=sys.stderr)
        print(f"FAILED with --seed {seed} at {this.striking}: {problem}", file=sys.stderr)
        if this.world:
            print(f"the data directory is kept: {this.world.abandon()}", file=sys.stderr)
        return 1
    report = {"seed": seed, "seconds": round(this.tally.seconds(), 1), "kills": this.tally.kills,
              "commands": this.tally.commands, "lost": 0,
              "troubles": {name: {"times": times, "acknowledged": acknowledged, "slowest_recovery_ms": slowest}
                           for name, (times, acknowledged, slowest) in this.tally.rows.items()}}
    print(json.dumps(report) if given.json else this.tally.table() + "\n" + this.tally.line())
    return 0


def self_test(program):
    """Two kills; after the second the disk is as it was at the first."""
    world = World(program, None, 1)
    older = world.node.scratch / "older"
    try:
        world.load.run(0.3)
        world.kill()
        shutil.copytree(world.node.data, older)
        world.restart()
        world.load.run(1.0)
        world.kill()
        shutil.rmtree(world.node.data)
        older.rename(world.node.data)
        world.restart()
        world.check()
    except Broken as noticed:
        print(f"noticed: {str(noticed)[:300]}")
        return 0
    finally:
        world.abandon()
        world.node.destroy()
    print("FAILED: acknowledged transfers were lost, and nobody noticed")
    return 1


def enter_namespace():
    """Where mounts are allowed, this goes on in a mount namespace of its own: whatever happens, mounts end with it."""
    if MAY_MOUNT in os.environ:
        return
    for how in (["unshare", "-m"], ["unshare", "-r", "-m"]):
        probe = [*how, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        try:
            may = subprocess.run(probe, capture_output=True, check=False, timeout=30).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            may = False
        if may:
            os.environ[MAY_MOUNT] = "yes"
            os.execvp(how[0], [*how, sys.executable, *sys.argv])
    os.environ[MAY_MOUNT] = "no"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller")
    options.add_argument("--libraries", help="where the preloaded libraries of tests/lib are; without, no faults of the disk")
    options.add_argument("--trouble", nargs="+", metavar="NAME", help="only these")
    options.add_argument("--kills", type=int, help="kill -9 so often")
    options.add_argument("--seconds", type=int, help="trouble it for so long")
    options.add_argument("--seed", type=int, help="of the load, the troubles and their values; the clock has its part too")
    options.add_argument("--json", action="store_true", help="the report as one line of JSON")
    options.add_argument("--list", action="store_true", help="name the troubles")
    options.add_argument("--self-test", action="store_true")
    given = options.parse_args()
    if given.list:
        for trouble in TROUBLES.values():
            print(f"{trouble.name:20} {trouble.about}")
        return 0
    if not given.teller:
        options.error("--teller is needed")
    return self_test(given.teller) if given.self_test else run(given)


if __name__ == "__main__":
    enter_namespace()
    sys.exit(main())
