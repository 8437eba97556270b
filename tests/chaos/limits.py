"""Troubles of limits: memory, descriptors, the size of a file. The node serves, or says that it cannot; a limit that comes
while it runs may end it, and takes nothing that it has acknowledged."""
import contextlib
import resource
import signal
import socket
from urllib.parse import urlsplit

from load import demand
from node import NodeError
from world import PLAIN_MEMORY, Trouble

MIB = 1 << 20
CROWD = 300
# What it may end with where it cannot go on; where it is memory that is missing, a library may call abort().
ENDS = (1, 3, 75)
ENDS_WITHOUT_MEMORY = (*ENDS, -signal.SIGABRT)


@contextlib.contextmanager
def limited(world, which, value):
    """The running node's soft limit; it is lifted again where the node still lives."""
    process = world.node.process
    soft, hard = resource.prlimit(process.pid, which)
    resource.prlimit(process.pid, which, (value, hard))
    try:
        yield
    finally:
        if world.node.process is process and world.node.is_alive():
            resource.prlimit(process.pid, which, (soft, hard))


def start_under(world, limit, ends):
    """A start under this limit of prlimit: it serves, or says why not."""
    world.stop()
    world.node.prefix = ["prlimit", limit]
    try:
        world.restart()
        world.load.run(0.2)
        if world.node.is_alive():
            world.stop()
        outcome = "serves"
    except NodeError:
        code = world.node.process.returncode
        demand(code in ends, f"under {limit} it ends with {code}\n{world.node.stderr()}")
        outcome = f"ends with {code}"
    finally:
        world.node.prefix = []
    world.notes.append(f"{limit}: {outcome}")
    world.restart()


def survive_or_restart(world, ends):
    """What a limit that came in mid-flight has left: it serves again, or it ends, though that may take a while."""
    world.wait_until("it serves or has ended", lambda: not world.node.is_alive() or world.is_well())
    if world.node.is_alive():
        return
    code = world.node.process.returncode
    demand(code in ends, f"under a limit it ends with {code}\n{world.node.stderr()}")
    world.notes.append(f"ended with {code}")
    world.restart()


def memory_limit(world):
    with world.forbearing():
        start_under(world, f"--as={world.random.choice((64 * MIB, 256 * MIB, 1 << 30, 1 << 38, 3 << 40))}", ENDS_WITHOUT_MEMORY)
        used = status_bytes(world.node.process.pid, "VmSize")
        with limited(world, resource.RLIMIT_AS, used + world.random.choice((0, 1, 8, 64)) * MIB):
            world.load.run(world.draw(0.5, 1.0))
        survive_or_restart(world, ENDS_WITHOUT_MEMORY)


def status_bytes(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))


def descriptor_limit(world):
    """A crowd takes all descriptors: those who are there are served on, and when it leaves, others too."""
    with world.forbearing():
        start_under(world, f"--nofile={world.random.choice((4, 12, 24, 40, 64, 256))}", ENDS)
        world.wait_until_served()
        limit = world.node.descriptor_count() + world.random.randrange(1, 30)
        with limited(world, resource.RLIMIT_NOFILE, limit), contextlib.ExitStack() as crowd:
            address = urlsplit(world.node.endpoint)
            for _ in range(CROWD):
                one = crowd.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex((address.hostname, address.port))
            world.load.run(world.draw(0.3, 1.0))
            world.wait_until_served()
        world.demand_alive()
        world.wait_until_well()  # asked by a new client


def file_size_limit(world):
    """A write beyond the limit is like a full disk, though LMDB may not tell it from a broken one: then it ends with 75."""
    with world.forbearing():
        sizes = [path.stat().st_size for path in world.node.data.rglob("data.mdb")]
        with limited(world, resource.RLIMIT_FSIZE, world.random.choice(sizes) + world.random.randrange(200_000)):
            world.load.run(world.draw(0.5, 1.5))
        survive_or_restart(world, ENDS)


TROUBLES = [
    Trouble("memory_limit", "RLIMIT_AS at the start, and while it runs", memory_limit, (PLAIN_MEMORY,)),
    Trouble("descriptor_limit", "RLIMIT_NOFILE at the start; while it runs, with a crowd at the door", descriptor_limit,
            (PLAIN_MEMORY,)),
    Trouble("file_size_limit", "RLIMIT_FSIZE while it runs", file_size_limit),
]
