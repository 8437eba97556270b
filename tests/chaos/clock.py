"""Troubles of the clock: the time of day is set back and forth, while the node runs and between two runs."""
from disk import among
from knob import Knob
from process import kill, terminate
from world import PRELOAD, Trouble

HOUR_US = 3600 * 1_000_000
DAY_US = 24 * HOUR_US


def shifted_clock(world):
    """Times in histories never go back, nothing is lost. No shift comes near the time for which ids are remembered."""
    world.stop()
    with Knob(world.node.scratch / "clock", world.random.choice((-HOUR_US, -DAY_US, DAY_US))) as clock:
        with world.preloaded("shifted_clock", SHIFTED_CLOCK=clock.path):
            world.restart()
            for shift in world.random.sample((-HOUR_US, DAY_US, HOUR_US, 0, -DAY_US, 1), 4):
                world.load.run(world.draw(0.1, 0.3))
                clock.set(shift)
                among(world, kill, terminate)
            world.stop()
        world.restart()


TROUBLES = [Trouble("shifted_clock", "the time of day jumps, back and forth", shifted_clock, (PRELOAD,))]
