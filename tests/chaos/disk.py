"""Troubles of the disk: full, failing, slow.

A full disk is a tmpfs of a few MiB where one may be mounted (chaos.py enters a namespace of its own for that), which is
eaten up by a file beside the ledger; else, and where that is not to be had, the preloaded small_disk.c counts bytes.
"""
import contextlib
import os
import shutil
import struct
import subprocess

from client import Client, new_id, partition_of
from knob import Knob
from load import PARTITIONS, demand
from node import NodeError
from process import kill, pause, terminate
from world import PRELOAD, Trouble, size_of

EXIT_DATA, EXIT_STORAGE = 3, 75
ROOM_BYTES = 10 << 20
ROOM_MADE_BYTES = 256 << 20  # more than the load eats up before all partitions have noticed
# LMDB's two meta pages, at the beginning of its file, name the last page that is in use.
PAGE_BYTES, LAST_PAGE, LAST_PAGE_AT = 4096, struct.Struct("=Q"), 136


def among(world, *troubles):
    """Mixes one of them in, now and then."""
    if world.random.random() < 0.5:
        world.random.choice(troubles)(world)


class TmpfsDisk:
    """The ledger moves there and back."""
    form = "a tmpfs"

    def __init__(self, world):
        self.world, self.home = world, world.node.data
        self.mount = world.node.scratch / "small"
        self.ballast = self.mount / "ballast"
        self.mount.mkdir(exist_ok=True)
        self.size = size_of(self.home) + room_beside(self.home)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", self.mount], check=True)

    @staticmethod
    def is_possible():
        return os.environ.get("TELLER_CHAOS_MAY_MOUNT") == "yes"

    def __enter__(self):
        self.world.node.data = self.mount / "data"
        shutil.copytree(self.home, self.world.node.data)
        return self

    def leave(self, left):
        """Takes all of the room but so much. The node takes some of it meanwhile."""
        with open(self.ballast, "wb") as file:
            while (take := self.free_bytes() - left) > 0:
                with contextlib.suppress(OSError):
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, take)

    def free_bytes(self):
        system = os.statvfs(self.mount)
        return system.f_bavail * system.f_frsize

    def clear(self):
        self.ballast.unlink(missing_ok=True)
        subprocess.run(["mount", "-o", f"remount,size={self.size + ROOM_MADE_BYTES}", self.mount], check=True)

    def __exit__(self, *_):
        self.world.node.kill()
        shutil.rmtree(self.home)
        shutil.copytree(self.mount / "data", self.home)
        self.world.node.data = self.home
        subprocess.run(["umount", self.mount], check=True)


class CountedDisk:
    """The library counts how much files grow."""
    form = "a counting library"

    def __init__(self, world):
        self.knob = Knob(world.node.scratch / "room", room_beside(world.node.data))
        self.library = world.preloaded("small_disk", SMALL_DISK_ROOM=self.knob.path)

    def __enter__(self):
        self.library.__enter__()
        return self

    def leave(self, left):
        self.knob.set(min(left, self.knob.get()))

    def clear(self):
        self.knob.set(ROOM_MADE_BYTES)

    def __exit__(self, *failure):
        return self.library.__exit__(*failure)


def room_beside(directory):
    """Bytes that are free on the small disk at first: little, but more than the space guard wants."""
    return max(ROOM_BYTES, size_of(directory) // 2)


def trim(directory):
    """Cuts off what files have been made longer ahead of their use, so that room is soon wanted."""
    for path in directory.rglob("data.mdb"):
        with open(path, "rb") as file:
            start = file.read(2 * PAGE_BYTES)
        pages = max(LAST_PAGE.unpack_from(start, page * PAGE_BYTES + LAST_PAGE_AT)[0] for page in (0, 1)) + 1
        os.truncate(path, pages * PAGE_BYTES)


def full_disk_of(world, kind):
    """It says BUSY while there is no room, keeps what it has said, and goes on when room is made."""
    world.stop()
    trim(world.node.data)
    with world.forbearing():
        with kind(world) as disk:
            world.restart()
            world.load.run(world.draw(0.05, 0.3))
            disk.leave(world.random.choice((0, 0, 100_000, 1_000_000)))
            world.wait_until("it is full", lambda: is_full(world))
            demand_busy(world)
            world.load.run(world.draw(0.1, 1.2))
            world.demand_alive()
            if world.random.random() < 0.5:
                restart_without_room(world, disk)
            disk.clear()
            world.wait_until_well()
            world.load.run(world.draw(0.1, 0.5))
            world.stop()
        world.restart()
    world.notes.append(kind.form)


def is_full(world):
    world.demand_alive()
    return "full" in world.states()


def demand_busy(world):
    """New money is refused where there is no room for it."""
    states = world.states()
    with Client(world.node.endpoint) as client:
        for name in world.books.names:
            if states[partition_of(name, PARTITIONS)] == "full":
                code, _ = client.call("withdraw", {"transaction_id": new_id(), "from_account": name, "amount": 10**15,
                                                   "currency": "CZK"})
                demand(code in ("BUSY", "INSUFFICIENT_FUNDS"), f"a full partition answers {code}")


def restart_without_room(world, disk):
    """It serves, if only to say BUSY, or says that it cannot start."""
    world.kill()
    try:
        world.restart()
        world.load.run(0.2)
    except NodeError:
        code = world.node.process.returncode
        demand(code in (EXIT_DATA, EXIT_STORAGE), f"without room it ends with {code}\n{world.node.stderr()}")
        world.notes.append(f"no start without room: {code}")
        disk.clear()
        world.restart()


def full_disk(world):
    full_disk_of(world, TmpfsDisk if TmpfsDisk.is_possible() else CountedDisk)


def counted_disk(world):
    full_disk_of(world, CountedDisk)


def broken_disk(world):
    """After a failed write or sync nobody is told anything that may not be so; the process ends."""
    world.stop()
    settings = {"FAILING_DISK_CALL": world.random.choice(("fdatasync", "pwrite")), "FAILING_DISK_ERRNO": "EIO",
                "FAILING_DISK_AT": world.random.randrange(1, 400)}
    if world.random.random() < 0.5:
        settings["FAILING_DISK_COUNT"] = 1
    world.notes.append(f"{settings['FAILING_DISK_CALL']} {settings['FAILING_DISK_AT']}")
    with world.forbearing(), world.preloaded("failing_disk", **settings):
        try:
            world.restart()
            world.wait_until("it has met the failure", lambda: not world.node.is_alive())
        except NodeError:
            pass  # it met it before it served
        code = world.node.process.wait(60)
        demand(code in (EXIT_DATA, EXIT_STORAGE), f"after a failed call it ends with {code}\n{world.node.stderr()}")
    world.restart()


def slow_disk(world):
    """Answers are late, none is lost."""
    world.stop()
    with world.preloaded("slow_disk", SLOW_DISK_ONE_IN=world.random.choice((3, 10, 50)),
                         SLOW_DISK_MS=world.random.choice((20, 100, 400))):
        world.restart()
        world.load.run(world.draw(0.5, 5 if world.is_long else 1.2))
        among(world, kill, pause, terminate)
        world.load.run(0.2)
        world.stop()
    world.restart()


TROUBLES = [
    Trouble("full_disk", "no room left, on a small file system or in a counting library; then room is made", full_disk,
            () if TmpfsDisk.is_possible() else (PRELOAD,)),
    Trouble("counted_disk", "the same, always with the library: writes are cut short", counted_disk, (PRELOAD,)),
    Trouble("broken_disk", "EIO at a random write or sync, once or for good", broken_disk, (PRELOAD,)),
    Trouble("slow_disk", "a sync takes long now and then", slow_disk, (PRELOAD,)),
]
