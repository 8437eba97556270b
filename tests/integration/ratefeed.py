"""The rate feed against a source that does wrong by rule: what is suspicious waits for an operator, what fails is asked for
again, and the desk has the newest rate that was accepted, over a restart too.

  ratefeed.py --teller PATH --rates PATH
"""
import argparse
import json
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from feed import FeedNode, source  # noqa: E402
from rates import ECB_DAILY, RateSource  # noqa: E402

HISTORY = """\
Date,USD,JPY,KRW,
2026-04-13,1.1684,186.75,1740.86,
2026-04-10,1.1711,186.43,1737.06,
2026-04-09,1.1685,185.7,1728.78,
"""
EUR_USD = ("EUR", "USD")
KEY = "very-secret-key-123"


def daily_rate(node, name="ecb", pair=EUR_USD):
    row = node.latest(name).get(pair)
    return row and (row["date"], Decimal(row["rate"]))


def a_sheet_is_fetched_and_set_at_the_desk(node):
    node.until("the first sheet", lambda: daily_rate(node) == ("2026-04-09", Decimal("1.1685")))
    for partition in range(node.partitions):
        row = node.until("the desk", lambda: node.desk(partition).get(EUR_USD))
        assert Decimal(row["rate"]) == Decimal("1.1685") and row["source"] == "ecb", row
        assert ("EUR", "JPY") not in node.desk(partition)


def a_spike_waits_and_is_the_latest_when_it_is_accepted(node, server):
    server.rules([{"path": "daily", "do": "spike", "currency": "USD", "factor": "2"}])
    server.day("2026-04-10")
    waiting = node.until("the spike waits", lambda: node.call("rate.review")["rates"])
    assert [(row["base"], row["counter"], row["date"], Decimal(row["rate"])) for row in waiting] == \
        [("EUR", "USD", "2026-04-10", Decimal("2.3422"))], waiting
    assert "spike" in waiting[0]["why"]
    assert daily_rate(node) == ("2026-04-09", Decimal("1.1685"))
    assert daily_rate(node, pair=("EUR", "JPY"))[0] == "2026-04-10"
    assert node.call("rate.accept", {"id": waiting[0]["id"] + 1, "operator": "ann"}, "RATE_NOT_FOUND")["field"] == "id"
    accepted = node.call("rate.accept", {"id": waiting[0]["id"], "operator": "ann"})
    assert accepted["accepted_by"] == "ann" and accepted["date"] == "2026-04-10"
    node.call("rate.accept", {"id": waiting[0]["id"], "operator": "ann"}, "RATE_NOT_FOUND")
    assert daily_rate(node) == ("2026-04-10", Decimal("2.3422"))
    node.until("the desk has it", lambda: Decimal(node.desk()[EUR_USD]["rate"]) == Decimal("2.3422"))
    assert node.call("rate.review")["rates"] == []


def a_rejected_rate_does_not_come_back(node, server):
    server.rules([])
    waiting = node.until("the same day with another rate waits", lambda: node.call("rate.review")["rates"])
    assert Decimal(waiting[0]["rate"]) == Decimal("1.1711") and "other values" in waiting[0]["why"], waiting
    node.call("rate.reject", {"id": waiting[0]["id"], "operator": "ann"})
    before = node.source("ecb")["last_success"]
    node.until("another sheet", lambda: node.source("ecb")["last_success"] > before + 2000000)
    assert node.call("rate.review")["rates"] == []


def a_source_that_fails_is_asked_again(node, server):
    server.rules([{"path": "daily", "do": "status", "status": 503, "count": 1},
                  {"path": "daily", "do": "cut", "count": 1},
                  {"path": "daily", "do": "garbage", "count": 1},
                  {"path": "daily", "do": "timeout", "count": 1}])
    seen = set()

    def look():
        row = node.source("ecb")
        if row["failures"]:
            seen.add((row["failures"], row["error"]))
        return len(seen) >= 4

    node.until("four failures", look)
    assert sorted(count for count, _ in seen) == [1, 2, 3, 4], seen
    assert (1, "HTTP status 503") in seen, seen
    node.until("it is well again", lambda: node.source("ecb")["failures"] == 0)
    assert node.source("ecb")["error"] is None
    assert daily_rate(node) == ("2026-04-10", Decimal("2.3422"))


def the_key_is_in_no_answer_and_in_no_log(node, server):
    node.until("the Eximbank is asked", lambda: node.source("won")["last_try"])
    node.until("and has failed", lambda: node.source("won")["error"])
    assert any(KEY in request["query"] for request in server.log()), "the source was asked without the key"
    assert KEY not in json.dumps(node.call("rate.sources")) and KEY not in node.stderr()


def a_restart_forgets_nothing_and_tells_the_desk_again(node):
    assert node.stop() == 0, node.stderr()
    node.start()
    assert daily_rate(node) == ("2026-04-10", Decimal("2.3422"))
    assert node.as_of("ecb", "EUR", "USD", "2026-04-10")["accepted_by"] == "ann"
    assert node.as_of("ecb", "EUR", "USD", "2026-04-09")["date"] == "2026-04-09"
    node.as_of("ecb", "EUR", "USD", "2026-04-08", "RATE_NOT_FOUND")
    node.as_of("ecb", "EUR", "USD", "2026-02-30", "INVALID_FIELD")
    node.until("the desk", lambda: Decimal(node.desk()[EUR_USD]["rate"]) == Decimal("2.3422"))
    assert [row["source"] for row in node.call("metrics")["ratefeed"]["sources"]] == ["ecb", "won"]


def a_wrong_configuration_is_told_by_its_key(node):
    good = {"name": "ecb", "kind": "ecb", "url": "https://example.org/", "every_s": 60, "spike_ppm": 1, "age_limit_s": 1}
    for wrong, key in ((good | {"evry": 1}, "evry"), (good | {"spike_ppm": 0}, "spike_ppm"),
                       (good | {"url": "http://example.org/"}, "allow_http")):
        path = node.scratch / "wrong.json"
        path.write_text(json.dumps({"sources": [wrong]}), encoding="ascii")
        result = node.try_run("serve", "--data", node.data, "--feed", path)
        assert result.returncode == 1 and key in result.stderr, result


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--rates", type=Path, required=True)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="teller-feed-") as scratch:
        path, key = Path(scratch, "hist.csv"), Path(scratch, "key")
        path.write_text(HISTORY, encoding="ascii")
        key.write_text(KEY + "\n", encoding="ascii")
        with RateSource(given.rates, path, "--today", "2026-04-09") as server:
            sources = [source("ecb", server.url + ECB_DAILY, desk=["EUR/USD"]),
                       source("won", server.url + "/nowhere", kind="koreaexim", key_file=str(key))]
            with FeedNode(given.teller, sources, partitions=2) as node:
                a_sheet_is_fetched_and_set_at_the_desk(node)
                a_spike_waits_and_is_the_latest_when_it_is_accepted(node, server)
                a_rejected_rate_does_not_come_back(node, server)
                a_source_that_fails_is_asked_again(node, server)
                the_key_is_in_no_answer_and_in_no_log(node, server)
                a_restart_forgets_nothing_and_tells_the_desk_again(node)
                assert node.stop() == 0, node.stderr()
                a_wrong_configuration_is_told_by_its_key(node)
    return 0


if __name__ == "__main__":
    sys.exit(main())
