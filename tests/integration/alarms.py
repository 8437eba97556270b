"""A webhook for alarms: a remittance that hangs raises one, once, with the state it hangs in; its end is the all-clear; nothing else is posted.

  alarms.py --teller PATH --bank PATH
"""
import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from bank import Receiver  # noqa: E402
from gateway import signed, until  # noqa: E402
from reconcile import World  # noqa: E402

ALARM_MS = 3000
SUBSCRIBER_SECRET = "secret-of-a-subscriber"


def figures(world, name):
    return next(row for row in world.client.expect_ok("subscriber.list")["subscribers"] if row["name"] == name)


def subscribe(world, receiver):
    world.node.run("subscriber", "add", "oncall", receiver.url + "/oncall", "--secret-file",
                   world.node.file("oncall", SUBSCRIBER_SECRET)["file"], "--from", "start", "--only", "alarms",
                   "--connect", world.node.endpoint)
    assert figures(world, "oncall")["only"] == "alarms"
    table = world.node.run("subscriber", "list", "--connect", world.node.endpoint)
    assert "alarms" in table, table


def what_goes_well_raises_none(world):
    for number in range(4):
        world.wait_for(world.remit(1000, f"a{number}"), "COMPLETED", f"a{number}")


def one_that_hangs_raises_one_with_its_state(world, receiver):
    world.bank.rules([{"step": "pull", "do": "timeout", "when": "after"}, {"do": "callback_never"},
                      {"step": "inquiry", "do": "processing", "inquiries": 100}])
    remittance = world.remit(7777)
    post = receiver.take()
    event = post.json()
    assert post.path == "/oncall" and post.is_signed(SUBSCRIBER_SECRET)
    assert (event["kind"], event["state"], event["alarmed"], event["contradicted"], event["amount"]) == \
        ("remittance_noted", "PULL_UNKNOWN", True, False, 7777), event
    assert event["transaction_id"].replace("-", "") == remittance.hex()
    return remittance


def a_restart_does_not_raise_it_again_and_its_end_is_the_all_clear(world, receiver, remittance):
    until("it is delivered", lambda: figures(world, "oncall")["delivered"] == 1)
    assert world.node.stop() == 0, world.node.stderr()
    world.node.start()
    world.bank.rules([])
    [call] = world.client.expect_ok("bank.calls", {})["calls"]
    body = json.dumps({"event": "now", "id": call["id"]}).encode()
    assert world.node.post("kftc", "callbacks", body, signed(body))[0] == 202
    event = receiver.take().json()
    assert (event["kind"], event["state"], event["alarmed"]) == ("remittance_paid", "COMPLETED", False), event
    assert event["transaction_id"].replace("-", "") == remittance.hex()


def nothing_else_is_posted(world, receiver):
    world.wait_for(world.remit(1000), "COMPLETED")
    until("all is passed over", lambda: figures(world, "oncall")["lag"] == 0)
    assert receiver.is_empty() and figures(world, "oncall")["delivered"] == 1, figures(world, "oncall")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--bank", type=Path, required=True)
    given = options.parse_args()
    with Receiver() as receiver:
        world = World(given.teller, given.bank, "--webhook-allow-http", "--remittance-alarm-ms", str(ALARM_MS))
        try:
            subscribe(world, receiver)
            what_goes_well_raises_none(world)
            remittance = one_that_hangs_raises_one_with_its_state(world, receiver)
            a_restart_does_not_raise_it_again_and_its_end_is_the_all_clear(world, receiver, remittance)
            nothing_else_is_posted(world, receiver)
        except Exception:
            print(world.node.stderr(), file=sys.stderr)
            raise
        finally:
            world.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
