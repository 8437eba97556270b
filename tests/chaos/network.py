"""Troubles of the network: a proxy between clients and the node (tests/lib/proxy.py says what it does, and why no more).
Clients lose their patience, connect anew and ask again with the same ids; the node survives, and nothing is paid twice."""
import random

from disk import among
from load import demand
from process import kill, pause
from proxy import DIRECTIONS, Proxy
from world import PATIENCE_S, Trouble

FAULTS_AT_LEAST = 12


def bad_network(*faults, rate):
    def strike(world):
        directions = world.random.choice((DIRECTIONS, DIRECTIONS[:1], DIRECTIONS[1:]))
        with Proxy(world.node.endpoint, random.Random(world.random.random())) as proxy:
            with world.forbearing(is_noisy=True, patience_s=PATIENCE_S):
                world.move_clients(proxy.endpoint)
                world.load.run(0.1)
                proxy.set({fault: rate for fault in faults}, directions)
                world.load.run(world.draw(0.5, 10 if world.is_long else 1.5))
                among(world, kill, pause)
                world.wait_until("enough has gone wrong", lambda: proxy.counts.total() >= FAULTS_AT_LEAST)
                proxy.set({})
                world.load.run(0.1)
                world.demand_alive()
            world.move_clients(world.node.endpoint)
        demand(set(proxy.counts) <= set(faults), f"{proxy.counts}")
        world.notes.append(", ".join(f"{count} {fault}" for fault, count in sorted(proxy.counts.items())))
    return strike


TROUBLES = [
    Trouble("slow_network", "frames are held back", bad_network("delay", rate=0.05)),
    Trouble("cut_network", "connections are reset or half closed in mid-frame", bad_network("cut", "half_close", rate=0.01)),
    Trouble("lossy_network", "requests and replies vanish, one direction falls silent",
            bad_network("drop", "silence", rate=0.01)),
    Trouble("garbling_network", "bytes are changed", bad_network("corrupt_frame", "corrupt_body", rate=0.01)),
]
