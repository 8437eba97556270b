"""A bank's statement against the ledger, while callbacks and remittances go between the real programs: no difference where there is none, and
every difference by its kind.

  reconcile.py --teller PATH --bank PATH
"""
import argparse
import csv
import io
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from bank import Bank  # noqa: E402
from client import Client, new_id  # noqa: E402
from gateway import SECRET, GatewayNode, signed, until  # noqa: E402

KINDS = ("MISSING_AT_BANK", "MISSING_IN_LEDGER", "AMOUNT_DIFFERS", "CURRENCY_DIFFERS", "DIRECTION_DIFFERS",
         "DUPLICATE_AT_BANK", "DUPLICATE_IN_LEDGER", "IN_FLIGHT")
PAYER, PAYEE = "1" * 24, "2" * 24
REMITTANCES = 6


class World:
    """A node whose bank asks us nothing before an hour has gone by, unless it is told to by a callback."""

    def __init__(self, program, bank_program, *options):
        self.node = GatewayNode(program, *options)
        self.bank = Bank(bank_program, "--opening-balance", 10**9, "--callback-secret", SECRET,
                         "--callback", f"http://127.0.0.1:{self.node.port}/banks/kftc/callbacks")
        path = self.node.scratch / "banks.json"
        banks = json.loads(path.read_text(encoding="ascii"))
        banks["banks"] = [bank | {"url": self.bank.url, "timeout_ms": 500, "inquiry_first_ms": 600000, "grace_ms": 0}
                          for bank in banks["banks"] if bank["name"] == "kftc"]
        path.write_text(json.dumps(banks), encoding="ascii")
        self.node.start()
        self.client = Client(self.node.endpoint)
        for number in range(4):
            self.client.expect_ok("account.open", {"account": f"a{number}", "owner": "ann", "currency": "KRW"})

    def destroy(self):
        self.client.close()
        self.bank.stop()
        self.node.destroy()

    def remit(self, amount=1000, account="a0"):
        return self.client.expect_ok("remittance.open", {
            "transaction_id": new_id(), "account": account, "amount": amount, "currency": "KRW", "bank": "kftc",
            "payer": PAYER, "payee": PAYEE})["remittance"]

    def state(self, remittance, account="a0"):
        return self.client.expect_ok("remittance.show", {"account": account, "remittance": remittance})["state"]

    def wait_for(self, remittance, state, account="a0"):
        until(f"{state}: it is {self.state(remittance, account)}", lambda: self.state(remittance, account) == state)

    def reconcile(self, *options, code=None):
        """The differences as (kind, bank's number, ledger's amount), and all of the answer."""
        result = self.node.try_run("reconcile", "kftc", "--connect", self.node.endpoint, "--json", *options)
        assert result.returncode in (0, 1), result
        found = json.loads(result.stdout)
        told = sum(found["totals"].values())
        assert told == len(found["differences"]) and result.returncode == (told > 0), result
        assert tuple(found["totals"]) == KINDS
        assert code is None or result.returncode == code, result.stdout
        return [row["kind"] for row in found["differences"]], found

    def file(self, name, text):
        path = self.node.scratch / name
        path.write_text(text, encoding="utf-8")
        return str(path)


def what_went_well_has_no_difference(world):
    for number in range(REMITTANCES):
        account = f"a{number % 4}"
        world.wait_for(world.remit(1000 + number, account), "COMPLETED", account)
    url = world.bank.url + "/admin/statement"
    for options in (["--url", url], ["--url", url + "?rail=kftc"], ["--url", url + "?limit=1"],
                    ["--statement", world.file("s.csv", world.bank.statement(form="csv"))],
                    ["--statement", world.file("s.json", json.dumps(world.bank.statement()))],
                    ["--url", url, "--from", "2020-01-01", "--to", "2099-01-01"]):
        kinds, found = world.reconcile(*options, code=0)
        assert kinds == [] and found["matched"] == 2 * REMITTANCES, (options, found)
        money = str(sum(1000 + number for number in range(REMITTANCES)))
        assert found["sums"] == [{"currency": "KRW", "bank_in": money, "bank_out": money, "ledger_in": money, "ledger_out": money}]
    result = world.node.run("reconcile", "kftc", "--connect", world.node.endpoint, "--url", url)
    assert f"kftc: {2 * REMITTANCES} payments found on both sides, 0 differences." in result, result
    kinds, found = world.reconcile("--url", url, "--to", "2020-01-01", code=0)
    assert found["matched"] == 0 and found["sums"] == []


def each_difference_has_its_kind(world):
    def altered(change):
        rows = list(csv.DictReader(io.StringIO(world.bank.statement(form="csv"))))
        change(rows)
        out = io.StringIO()
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        return world.reconcile("--statement", world.file("altered.csv", out.getvalue()), code=1)

    def setting(column, value):
        return lambda rows: rows[1].update({column: value})

    for change, kinds in ((lambda rows: rows.pop(1), ["MISSING_AT_BANK"]),
                          (lambda rows: rows.append(rows[0] | {"reference": "unheard-of", "id": "unheard-of"}), ["MISSING_IN_LEDGER"]),
                          (setting("amount", "999999"), ["AMOUNT_DIFFERS"]),
                          (setting("currency", "GBP"), ["CURRENCY_DIFFERS"]),
                          (setting("direction", "in"), ["DIRECTION_DIFFERS"]),
                          (lambda rows: rows.append(rows[0]), ["DUPLICATE_AT_BANK"]),
                          (lambda rows: rows.append(rows[0] | {"reference": "another"}), ["DUPLICATE_AT_BANK"]),
                          (lambda rows: (setting("amount", "1")(rows), rows.pop(0)), ["MISSING_AT_BANK", "AMOUNT_DIFFERS"])):
        found, whole = altered(change)
        assert found == kinds, (kinds, whole["differences"])


def what_the_bank_has_and_we_ask_about_is_in_flight(world):
    """The answer to a pull is lost, and no callback comes: the ledger does not know for an hour."""
    url = world.bank.url + "/admin/statement"
    world.bank.rules([{"step": "pull", "do": "timeout", "when": "after", "count": 1}, {"do": "callback_never", "count": 1}])
    remittance = world.remit(7777)
    world.wait_for(remittance, "PULL_UNKNOWN")
    kinds, found = world.reconcile("--url", url, code=1)
    assert kinds == ["IN_FLIGHT"] and found["differences"][0]["bank"]["amount"] == "7777", found
    assert found["differences"][0]["ledger"] is None
    return remittance


def a_callback_has_the_bank_asked_at_once_and_a_replayed_one_never_again(world, remittance):
    """The bank says each time that it is not final: so each inquiry is one that a callback, or a restart, has caused."""
    [call] = world.client.expect_ok("bank.calls", {})["calls"]
    posts = {nonce: json.dumps({"event": nonce, "id": call["id"]}).encode() for nonce in ("one", "two", "three", "four")}
    headers = {nonce: signed(body) for nonce, body in posts.items()}

    def post(nonce):
        assert world.node.post("kftc", "callbacks", posts[nonce], headers[nonce])[0] == 202

    def asked(times):
        until(f"asked {times} times: {inquiries(world)}", lambda: inquiries(world) >= times)
        assert inquiries(world) == times, "a replayed callback has had the bank asked"

    world.bank.rules([{"step": "inquiry", "do": "processing", "inquiries": 100}])
    post("one")
    asked(1)
    for _ in range(3):
        post("one")
    post("two")
    asked(2)
    world.node.kill()
    world.node.start()
    asked(3)  # what is open is asked about at a start
    for _ in range(3):
        post("one")
        post("two")
    post("three")
    asked(4)
    world.bank.rules([])
    post("four")
    world.wait_for(remittance, "COMPLETED")
    world.reconcile("--url", world.bank.url + "/admin/statement", code=0)


def inquiries(world):
    return sum(1 for row in world.bank.log() if row["path"] == "/v2.0/transfer/result")


def a_statement_that_cannot_be_is_told_with_its_line(world):
    head = "number,time,direction,amount,currency,reference,id\n"
    good = "1,2026-11-21T10:00:00Z,in,100,KRW,R,I\n"
    for text, told in (("", "empty"), (head + good + good.replace(",in,", ",up,"), "line 3: 'direction'"),
                       (head + good.replace("100", "1.5"), "line 2: 'amount'"), (head + good.replace("100", "-1"), "line 2: 'amount'"),
                       (head + good.replace("100", "0"), "line 2: 'amount'"), (head + good.replace("100", "1e3"), "line 2: 'amount'"),
                       (head + good.replace("KRW", "XYZ"), "line 2: 'currency'"), (head + good.replace("R,I", ","), "line 2: there is neither"),
                       (head + good.replace("2026-11-21T", "yesterday"), "line 2: 'time'"), (head + "1,2\n", "line 2: it has 2 fields"),
                       (head.replace("amount", "sum") + good, "'amount'"), (head + good + '"', "line 3"),
                       ('{"entries": [{"amount": 1}]}', "entry 1"), ('{"rows": []}', "entries"), ("[", "JSON"),
                       ('[{"time": "2026-11-21T10:00:00Z", "direction": "in", "amount": 100, "currency": "KRW", "id": "I"}]', "'amount'")):
        result = world.node.try_run("reconcile", "kftc", "--connect", world.node.endpoint, "--statement", world.file("wrong", text))
        assert result.returncode == 2 and told in result.stderr, (text, result)
    for options in ([], ["--statement", "a", "--url", "b"], ["--url", "http://192.0.2.1/"], ["--url", "nonsense"],
                    ["--url", world.bank.url + "/nowhere"], ["--statement", "/nowhere"]):
        assert world.node.try_run("reconcile", "kftc", "--connect", world.node.endpoint, *options).returncode == 2, options


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--bank", type=Path, required=True)
    given = options.parse_args()
    world = World(given.teller, given.bank)
    try:
        what_went_well_has_no_difference(world)
        each_difference_has_its_kind(world)
        remittance = what_the_bank_has_and_we_ask_about_is_in_flight(world)
        a_callback_has_the_bank_asked_at_once_and_a_replayed_one_never_again(world, remittance)
        a_statement_that_cannot_be_is_told_with_its_line(world)
        assert world.node.stop() == 0, world.node.stderr()
    except Exception:
        print(world.node.stderr(), file=sys.stderr)
        raise
    finally:
        world.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
