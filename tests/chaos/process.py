"""Troubles of the process: killed, stopped and told to end, at bad moments."""
import signal
import time

from load import demand
from world import PATIENCE_S, Trouble


def kill(world):
    world.load.run(world.draw(0.02, 0.4))
    world.kill()
    world.restart()


def kill_in_recovery(world):
    """Once or more, as soon as it has begun to read what is there."""
    world.load.run(world.draw(0.02, 0.4))
    world.kill()
    while True:
        world.node.start_only()
        time.sleep(world.draw(0, 0.06))
        world.kill()
        if world.random.random() < 0.6:
            break
    world.restart()


def kill_in_checkpoint(world):
    """At an end it completes the checkpoint, and so it does when there is nothing else to do: it is killed then."""
    world.load.run(world.draw(0.02, 0.3))
    if world.random.random() < 0.8:
        world.node.signal(signal.SIGTERM)
        time.sleep(world.draw(0, 0.06))
        world.kill()
        world.restart()
        return
    world.load.pause()
    time.sleep(world.draw(0.5, 2.1))
    world.kill()
    world.restart()
    world.load.resume()


def pause(world):
    """A stopped process goes on as if nothing had been."""
    world.load.run(world.draw(0.05, 0.2))
    world.node.signal(signal.SIGSTOP)
    time.sleep(world.draw(0.1, 0.6))
    world.node.signal(signal.SIGCONT)
    world.load.run(0.1)


def long_pause(world):
    """Clients lose their patience, take new connections and ask again, while the requests of the old ones still wait."""
    with world.forbearing(patience_s=PATIENCE_S):
        world.load.run(world.draw(0.05, 0.2))
        world.node.signal(signal.SIGSTOP)
        time.sleep(world.draw(2, 20) if world.is_long else 2.5)
        world.node.signal(signal.SIGCONT)
        world.load.run(0.5)
    world.demand_alive()


def terminate(world):
    """In mid-commit: what it has taken is answered, and it says that all is well."""
    world.load.run(world.draw(0.05, 0.4))
    code = world.node.stop()
    demand(code == 0, f"after SIGTERM the exit code is {code}\n{world.node.stderr()}")
    world.restart()


TROUBLES = [
    Trouble("kill", "kill -9 at a random moment", kill),
    Trouble("kill_in_recovery", "kill -9, and again while it recovers", kill_in_recovery),
    Trouble("kill_in_checkpoint", "kill -9 while it writes its checkpoint, at an end or when it is quiet", kill_in_checkpoint),
    Trouble("pause", "SIGSTOP and SIGCONT", pause),
    Trouble("long_pause", "SIGSTOP for longer than clients wait", long_pause),
    Trouble("terminate", "SIGTERM in mid-commit", terminate),
]
