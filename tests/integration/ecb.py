"""Real input: every day that the European Central Bank has published since 1999, and one of its daily files.

  - the file is imported; importing it again changes nothing, and a served directory is refused
  - 1,000 random days and pairs, weekends and N/A among them, are answered as the file says, before and after a restart
  - a range, page by page, is a column of the file
  - the daily file as XML comes the real way, over HTTP, is served by rate.latest, and stands at the desk of every partition

  ecb.py --teller PATH --rates PATH [--data DIRECTORY]

Without the files it is skipped (exit code 77).
"""
import argparse
import bisect
import csv
import datetime
import io
import json
import os
import random
import sys
import xml.etree.ElementTree as ElementTree
import zipfile
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from client import Client  # noqa: E402
from feed import FeedNode, source  # noqa: E402
from rates import ECB_DAILY, RateSource  # noqa: E402

SKIPPED = 77
QUESTIONS = 1000
SEED = 20260413
PARTITIONS = 2
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


def read_history(text):
    """By currency: its days in order, and the rate of each."""
    columns = {}
    for row in csv.DictReader(io.StringIO(text)):
        for currency, rate in row.items():
            if currency not in ("", "Date") and rate not in ("N/A", ""):
                columns.setdefault(currency, []).append((row["Date"], Decimal(rate)))
    return {currency: sorted(days) for currency, days in columns.items()}


def read_daily(data):
    day = ElementTree.fromstring(data).find(CUBE)[0]
    return day.get("time"), {cube.get("currency"): Decimal(cube.get("rate")) for cube in day}


def questions(columns):
    """(currency, date, the answer or None)"""
    dice = random.Random(SEED)
    first = datetime.date(1998, 12, 25)
    days = (datetime.date(2026, 5, 1) - first).days
    for _ in range(QUESTIONS):
        currency = dice.choice(sorted(columns))
        date = (first + datetime.timedelta(dice.randrange(days))).isoformat()
        index = bisect.bisect_right(columns[currency], (date, Decimal("Infinity")))
        yield currency, date, columns[currency][index - 1] if index else None


def check_as_of(node, columns):
    count = {"the day itself": 0, "a day before": 0, "none yet": 0}
    with Client(node.endpoint) as client:
        for currency, date, answer in questions(columns):
            code, rate = client.call("rate.asof", {"source": "ecb", "base": "EUR", "counter": currency, "date": date})
            if answer is None:
                assert code == "RATE_NOT_FOUND", f"{currency} {date}: {code} {rate}"
                count["none yet"] += 1
                continue
            found = code, rate.get("date"), Decimal(rate.get("rate", 0)), rate.get("units")
            assert found == ("OK", *answer, 1), f"{currency} {date}: {code} {rate}, the file says {answer}"
            count["the day itself" if answer[0] == date else "a day before"] += 1
    assert min(count.values()) > 20, count
    return count


def check_range(node, columns, currency):
    found, cursor = [], None
    with Client(node.endpoint) as client:
        while True:
            page = client.expect_ok("rate.range", {"source": "ecb", "base": "EUR", "counter": currency, "from": "1999-01-01",
                                                   "to": "2030-12-31", "limit": 1000, "cursor": cursor})
            found += [(row["date"], Decimal(row["rate"])) for row in page["rates"]]
            cursor = page["cursor"]
            if cursor is None:
                break
    assert found == columns[currency], f"{currency}: {len(found)} days, the file has {len(columns[currency])}"


def check_latest(node, columns):
    found = {counter: (row["date"], Decimal(row["rate"])) for (base, counter), row in node.latest("ecb").items()
             if base == "EUR"}
    assert found == {currency: days[-1] for currency, days in columns.items()}


def check_daily(node, day_file):
    date, rates = read_daily(day_file.read_bytes())
    node.until("the daily file is fetched", lambda: node.source("daily")["last_success"])
    found = {counter: (row["date"], Decimal(row["rate"])) for (_, counter), row in node.latest("daily").items()}
    assert found == {currency: (date, rate) for currency, rate in rates.items()}
    for partition in range(PARTITIONS):
        desk = node.until("it is set at the desk", lambda: ("EUR", "KRW") in node.desk(partition) and
                          ("EUR", "USD") in node.desk(partition) and node.desk(partition))
        for currency in ("USD", "KRW"):
            row = desk["EUR", currency]
            assert (Decimal(row["rate"]), row["source"], row["units"]) == (rates[currency], "daily", 1), row
    return date


def run(given, history, day_file):
    columns = read_history(history)
    count = sum(map(len, columns.values()))

    def load(data):
        path = data.parent / "eurofxref-hist.csv"
        path.write_text(history, encoding="ascii")
        for kept in (count, 0):
            said = json.loads(node.run("rate", "import", "--data", data, "--source", "ecb", path, "--json"))
            assert said == {"source": "ecb", "rates": count, "kept": kept, "unchanged": count - kept, "waiting": 0}, said

    csv_path = None
    node = FeedNode(given.teller, [], partitions=PARTITIONS)
    try:
        load(node.data)
        csv_path = node.data.parent / "eurofxref-hist.csv"
        with RateSource(given.rates, csv_path, "--daily", day_file) as server:
            (node.scratch / "feed.json").write_text(json.dumps({"allow_http": True, "sources": [
                source("ecb", server.url + "/no-such-place", at=["16:30"], days="weekdays", utc_offset_minutes=60),
                source("daily", server.url + ECB_DAILY, desk=["EUR/USD", "EUR/KRW"])]}), encoding="ascii")
            node.start()
            refused = node.try_run("rate", "import", "--data", node.data, "--source", "ecb", csv_path)
            assert refused.returncode == 3 and "in use" in refused.stderr, refused
            kinds = check_as_of(node, columns)
            check_range(node, columns, "USD")
            check_range(node, columns, "TRL")
            check_latest(node, columns)
            date = check_daily(node, day_file)
            assert node.stop() == 0, node.stderr()
            node.start()
            assert check_as_of(node, columns) == kinds
            check_daily(node, day_file)
            assert node.stop() == 0, node.stderr()
    finally:
        node.destroy()
    print(f"{count} rates of {len(columns)} currencies; {QUESTIONS} questions: {kinds}; the daily file of {date} is at the desk")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--teller", required=True)
    options.add_argument("--rates", type=Path, required=True)
    options.add_argument("--data", type=Path, default=Path(os.environ.get("TELLER_TEST_DATA", ".")))
    given = options.parse_args()
    archive, day_file = given.data / "ecb/eurofxref-hist.zip", given.data / "ecb/eurofxref-daily.xml"
    if not archive.exists() or not day_file.exists():
        print(f"skipped: {archive} or {day_file} is absent (name their directory in TELLER_TEST_DATA)")
        return SKIPPED
    run(given, zipfile.ZipFile(archive).read("eurofxref-hist.csv").decode("ascii"), day_file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
