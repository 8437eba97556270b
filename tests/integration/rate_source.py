"""The source of rates that does wrong by rule (sim/source): each thing it is told to do is really served.

  rate_source.py --rates PATH [--teller PATH] [--data DIRECTORY]

What it serves is read here by other code than the product's. With DIRECTORY, that of TELLER_TEST_DATA, the ECB's real files
are served and compared, too.
"""
import argparse
import csv
import http.client
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from rates import ECB_90_DAYS, ECB_CSV, ECB_DAILY, ECB_HISTORY, KOREAEXIM, RateSource  # noqa: E402

HISTORY = """\
Date,USD,JPY,CYP,IDR,CNY,KRW,
2026-04-13,1.1684,186.75,N/A,20082.05,7.9827,1740.86,
2026-04-10,1.1711,186.43,N/A,20020.25,7.9967,1737.06,
2026-04-09,1.1685,185.7,N/A,19978.14,7.9863,1728.78,
1999-01-04,1.1789,133.73,0.58231,9433.61,N/A,1398.59,
"""
TODAY = "2026-04-13"
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"
SHORT_S = 0.3


def days_of(xml):
    """[(date, [(currency, rate), …]), …] in the order of the document."""
    table = ElementTree.fromstring(xml).find(CUBE)
    return [(day.get("time"), [(rate.get("currency"), rate.get("rate")) for rate in day]) for day in table]


def daily(source):
    status, _, body = source.get(ECB_DAILY)
    assert status == 200, status
    return days_of(body)


def won(source, date=TODAY):
    """The Eximbank's rows of a day, by unit; every row in the order of the document where one comes twice."""
    status, _, body = source.get(KOREAEXIM.format(date.replace("-", "")))
    assert status == 200, status
    return json.loads(body)


def by_unit(rows):
    return {row["cur_unit"]: row for row in rows}


def number(text):
    return Decimal(text.replace(",", ""))


# ---- without rules ----


def the_ecbs_documents_are_those_of_the_history(source):
    rates = dict(zip(("USD", "JPY", "IDR", "CNY", "KRW"), ("1.1684", "186.75", "20082.05", "7.9827", "1740.86")))
    assert [(date, dict(found)) for date, found in daily(source)] == [(TODAY, rates)]
    history = days_of(source.get(ECB_HISTORY)[2])
    assert [date for date, _ in history] == ["2026-04-13", "2026-04-10", "2026-04-09", "1999-01-04"]
    assert dict(history[3][1]) == {"USD": "1.1789", "JPY": "133.73", "CYP": "0.58231", "IDR": "9433.61", "KRW": "1398.59"}
    assert len(days_of(source.get(ECB_90_DAYS)[2])) == 3
    assert source.get(ECB_CSV)[2].decode() == HISTORY


def the_eximbanks_rows_follow_from_them(source):
    rows = by_unit(won(source))
    assert set(rows) == {"EUR", "KRW", "USD", "JPY(100)", "IDR(100)", "CNH"}, rows
    assert rows["USD"]["deal_bas_r"] == "1,489.95" and rows["JPY(100)"]["deal_bas_r"] == "932.19"
    assert rows["KRW"]["deal_bas_r"] == "1" and rows["KRW"]["ttb"] == "0"
    for unit, row in rows.items():
        assert row["result"] == 1
        if unit != "KRW":
            assert number(row["ttb"]) < number(row["deal_bas_r"]) < number(row["tts"]), row
    assert won(source, "2026-04-11") == [] and won(source, "2026-04-14") == []
    path = KOREAEXIM.format("20260413")
    assert json.loads(source.get(path.replace("authkey=test", "authkey="))[2])[0]["result"] == 3
    assert json.loads(source.get(path.replace("AP01", "AP09"))[2])[0]["result"] == 2


def the_day_can_be_set(source):
    source.day("2026-04-12")
    assert daily(source)[0][0] == "2026-04-10"
    assert won(source, TODAY) == [] and won(source, "2026-04-10") != []
    source.day(None)
    assert daily(source)[0][0] == TODAY


def what_is_not_there_is_404_and_what_is_no_rule_is_refused(source):
    assert source.get("/stats/eurofxref/other.xml")[0] == 404
    assert source.get("/")[0] == 404
    assert source.request("POST", ECB_DAILY)[0] == 405
    source.rules([{"path": "daily", "do": "status", "status": 418}])
    for wrong in ("", "{}", "[", '[{"do": "no such thing"}]', '[{"path": "x"}]', '[{"do": "zero", "days": "7"}]',
                  '[{"do": "zero", "probability": "2"}]', '[{"do": "zero", "more": 1}]', '[{"do": "zero", "do": "cut"}]'):
        status, _, body = source.request("POST", "/admin/rules", wrong)
        assert status == 400 and json.loads(body)["error"], wrong
    assert source.get(ECB_DAILY)[0] == 418, "a wrong rule has changed the rules"


# ---- how it is served ----


def timeout_does_not_answer(source):
    source.rules([{"path": "daily", "do": "timeout"}])
    try:
        source.get(ECB_DAILY, timeout_s=SHORT_S)
        raise AssertionError("it answers")
    except TimeoutError:
        pass
    assert source.get(ECB_HISTORY)[0] == 200, "others wait for the one without an answer"


def slow_sends_a_piece_and_pauses(source):
    source.rules([{"path": "daily", "do": "slow", "bytes": 10, "pause_ms": 60000}])
    connection = source.connect(SHORT_S)
    connection.request("GET", ECB_DAILY)
    response = connection.getresponse()
    assert response.read(10) == b"<?xml vers"
    try:
        response.read(1)
        raise AssertionError("it does not pause")
    except TimeoutError:
        connection.close()
    source.rules([{"path": "daily", "do": "slow", "bytes": 100, "pause_ms": 1}])
    assert daily(source)[0][0] == TODAY


def cut_ends_in_mid_body(source):
    for rule, least, most in (({"bytes": 20}, 0, 20), ({}, 0, 700)):
        source.rules([{"path": "daily", "do": "cut", **rule}])
        try:
            source.get(ECB_DAILY)
            raise AssertionError("it is whole")
        except http.client.IncompleteRead as error:
            assert least <= len(error.partial) <= most and error.expected > 0, error


def status_is_served_with_retry_after(source):
    source.rules([{"path": "daily", "do": "status"}, {"path": "hist", "do": "status", "status": 429, "retry_after": 30}])
    assert source.get(ECB_DAILY)[0] == 500
    status, headers, _ = source.get(ECB_HISTORY)
    assert status == 429 and headers["Retry-After"] == "30"


def redirect_empty_garbage_and_long_are_served(source):
    source.rules([{"path": "daily", "do": "redirect", "count": 1}, {"path": "daily", "do": "empty", "count": 1},
                  {"path": "daily", "do": "garbage", "count": 1}, {"path": "daily", "do": "long", "bytes": 3 << 20}])
    status, headers, _ = source.get(ECB_DAILY)
    assert status == 302 and headers["Location"].startswith("/stats/")
    status, _, body = source.get(ECB_DAILY)
    assert status == 200 and body == b""
    status, _, body = source.get(ECB_DAILY)
    assert status == 200 and len(body) > 100 and b"Cube" not in body
    body = source.get(ECB_DAILY)[2]
    assert len(body) == 3 << 20 and days_of(body)[0][0] == TODAY


# ---- what is served ----


def doctype_has_entities_that_grow(source):
    source.rules([{"path": "daily", "do": "doctype"}])
    body = source.get(ECB_DAILY)[2]
    assert b"<!DOCTYPE" in body and b"<!ENTITY d" in body and b"&d;" in body


def stale_and_older_serve_days_gone_by(source):
    source.rules([{"do": "stale", "days": 4, "count": 2}, {"do": "older", "count": 2}])
    assert daily(source)[0][0] == "2026-04-09"
    assert by_unit(won(source))["USD"]["deal_bas_r"] == "1,479.49"
    assert daily(source)[0][0] == "2026-04-10", "the publishing day before"
    assert by_unit(won(source))["USD"]["deal_bas_r"] == "1,483.27"
    assert daily(source)[0][0] == TODAY


def rates_are_zero_negative_spiked_or_missing(source):
    source.rules([{"path": "daily", "do": what, "currency": "JPY", "count": 1, **more} for what, more in
                  (("zero", {}), ("negative", {}), ("spike", {"factor": "1000"}), ("spike", {"factor": "0.1"}),
                   ("per100", {}), ("comma", {}), ("missing", {}))])
    seen = []
    for _ in range(8):
        rates = dict(daily(source)[0][1])
        assert rates["USD"] == "1.1684"
        seen.append(rates.get("JPY"))
    assert seen == ["0", "-186.75", "186750", "18.675", "18675", "186,75", None, "186.75"], seen


def the_eximbanks_are_too(source):
    whats = (("zero", "USD"), ("negative", "USD"), ("spike", "USD"), ("per100", "USD"), ("comma", "USD"), ("per100", "JPY"))
    source.rules([{"path": "exchangeJSON", "do": what, "currency": currency, "count": 1} for what, currency in whats])
    seen = [by_unit(won(source)) for _ in range(len(whats) + 1)]
    usd = [rows["USD"]["deal_bas_r"] for rows in seen]
    assert usd == ["0", "-1,489.95", "14,899.5", "148,995", "1,489,95", "1,489.95", "1,489.95"], usd
    assert seen[5]["JPY"]["deal_bas_r"] == "932.19" and "JPY(100)" not in seen[5], "the unit is gone, the rate is not"
    source.rules([{"do": "missing", "currency": "JPY"}])
    assert "JPY(100)" not in by_unit(won(source))


def crossed_turns_ttb_and_tts_round(source):
    source.rules([{"do": "crossed", "currency": "USD"}])
    rows = by_unit(won(source))
    assert number(rows["USD"]["ttb"]) > number(rows["USD"]["tts"])
    assert number(rows["EUR"]["ttb"]) < number(rows["EUR"]["tts"])


def a_day_or_a_currency_comes_twice(source):
    source.rules([{"do": "duplicate"}])
    assert [date for date, _ in daily(source)] == [TODAY, TODAY]
    assert [row["cur_unit"] for row in won(source)].count("USD") == 2


def the_eximbank_has_no_rates_or_refuses(source):
    source.rules([{"do": "no_rates", "count": 1}, {"do": "null", "count": 1}, {"do": "result", "result": 2, "count": 1},
                  {"do": "result", "result": 3, "count": 1}, {"do": "result", "count": 1}])
    assert won(source) == []
    assert won(source) is None
    assert [won(source)[0]["result"] for _ in range(4)] == [2, 3, 4, 1]


# ---- when ----


def a_rule_waits_is_used_up_and_the_next_one_follows(source):
    source.rules([{"path": "daily", "do": "status", "status": 500, "after": 1, "count": 2},
                  {"path": "eurofxref", "do": "status", "status": 503, "after": 2, "count": 1}])
    assert [source.get(ECB_DAILY)[0] for _ in range(6)] == [200, 500, 500, 200, 503, 200]


def chance_is_that_of_the_seed(source):
    source.rules([{"path": "daily", "do": "status", "probability": "0.5"}])
    seen = [source.get(ECB_DAILY)[0] for _ in range(40)]
    assert 5 < seen.count(500) < 35, seen
    return seen


def the_log_tells_what_was_asked_and_done(source):
    before = len(source.log())
    source.rules([{"path": "daily", "do": "zero", "count": 1}])
    source.get(ECB_DAILY)
    source.get(KOREAEXIM.format("20260413"))
    first, second = source.log()[before:]
    assert (first["path"], first["query"], first["did"]) == (ECB_DAILY, "", "zero"), first
    assert second["path"] == "/site/program/financial/exchangeJSON" and second["did"] is None
    assert second["query"] == "authkey=test&searchdate=20260413&data=AP01"
    assert (first["number"], second["number"]) == (before + 1, before + 2)


CASES = [
    the_ecbs_documents_are_those_of_the_history,
    the_eximbanks_rows_follow_from_them,
    the_day_can_be_set,
    what_is_not_there_is_404_and_what_is_no_rule_is_refused,
    timeout_does_not_answer,
    slow_sends_a_piece_and_pauses,
    cut_ends_in_mid_body,
    status_is_served_with_retry_after,
    redirect_empty_garbage_and_long_are_served,
    doctype_has_entities_that_grow,
    stale_and_older_serve_days_gone_by,
    rates_are_zero_negative_spiked_or_missing,
    the_eximbanks_are_too,
    crossed_turns_ttb_and_tts_round,
    a_day_or_a_currency_comes_twice,
    the_eximbank_has_no_rates_or_refuses,
    a_rule_waits_is_used_up_and_the_next_one_follows,
    chance_is_that_of_the_seed,
    the_log_tells_what_was_asked_and_done,
]


# ---- the program ----


def the_same_seed_is_the_same_chance(program, path):
    runs = []
    for seed in (7, 7, 8):
        with RateSource(program, path, "--seed", seed) as source:
            runs.append(chance_is_that_of_the_seed(source))
    assert runs[0] == runs[1] != runs[2]


def teller_starts_it(teller, path):
    with RateSource(teller, path, prefix=["rates-source"]) as source:
        assert daily(source)[0][0] == TODAY


def it_ends_on_sigterm_also_with_calls_under_way(program, path, scratch):
    rules = scratch / "rules.json"
    rules.write_text('[{"path": "daily", "do": "timeout"}, {"path": "hist", "do": "slow", "pause_ms": 60000}]')
    source = RateSource(program, path, "--rules", rules, "--today", "2026-04-10")
    waiting = []
    for name in (ECB_DAILY, ECB_HISTORY):
        waiting.append(socket.create_connection(("127.0.0.1", source.port)))
        waiting[-1].sendall(f"GET {name} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    waiting[1].recv(1)
    assert source.stop() == 0
    for each in waiting:
        each.close()


def wrong_command_lines_are_refused(program, path, scratch):
    bad = scratch / "bad.csv"
    bad.write_text("Date,USD,\n2026-04-13,0,\n")
    for arguments in ([], ["--csv", scratch / "absent"], ["--csv", bad], ["--csv", path, "--today", "yesterday"],
                      ["--csv", path, "--rules", bad], ["--csv", path, "--key", path]):
        result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode in (1, 2) and result.stderr, arguments


def https_is_served(program, path, scratch):
    openssl = shutil.which("openssl")
    if openssl is None:
        print("https: skipped, there is no openssl program")
        return
    key, certificate = scratch / "key.pem", scratch / "certificate.pem"
    subprocess.run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    with RateSource(program, path, "--certificate", certificate, "--key", key, ca_file=certificate) as source:
        assert source.url.startswith("https://")
        assert daily(source)[0][0] == TODAY
        source.context = ssl.create_default_context()
        try:
            daily(source)
            raise AssertionError("its certificate is trusted by all")
        except ssl.SSLCertVerificationError:
            pass


def the_real_files_are_served_as_they_are(program, directory, scratch):
    archive, day_file = directory / "ecb/eurofxref-hist.zip", directory / "ecb/eurofxref-daily.xml"
    if not archive.exists() or not day_file.exists():
        print(f"real files: skipped, {archive} is absent (name its directory in TELLER_TEST_DATA)")
        return
    path = scratch / "eurofxref-hist.csv"
    path.write_bytes(zipfile.ZipFile(archive).read(path.name))
    expected = {row["Date"]: {currency: Decimal(rate) for currency, rate in row.items()
                              if currency not in ("", "Date") and rate != "N/A"}
                for row in csv.DictReader(io.StringIO(path.read_text(encoding="ascii")))}
    with RateSource(program, path, "--daily", day_file) as source:
        assert source.get(ECB_DAILY)[2] == day_file.read_bytes()
        found = days_of(source.get(ECB_HISTORY)[2])
        assert len(found) == len(expected) > 6900
        for date, rates in found:
            assert {currency: Decimal(rate) for currency, rate in rates} == expected[date], date


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rates", type=Path, required=True)
    options.add_argument("--teller", type=Path)
    options.add_argument("--data", type=Path, default=Path(os.environ.get("TELLER_TEST_DATA", ".")))
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="teller-test-") as name:
        scratch = Path(name)
        path = scratch / "history.csv"
        path.write_text(HISTORY, encoding="ascii")
        with RateSource(given.rates, path) as source:
            for case in CASES:
                source.rules([])
                case(source)
        the_same_seed_is_the_same_chance(given.rates, path)
        it_ends_on_sigterm_also_with_calls_under_way(given.rates, path, scratch)
        if given.teller:
            teller_starts_it(given.teller, path)
        wrong_command_lines_are_refused(given.rates, path, scratch)
        https_is_served(given.rates, path, scratch)
        the_real_files_are_served_as_they_are(given.rates, given.data, scratch)
    print(f"{len(CASES) + 6} cases, all good")


if __name__ == "__main__":
    main()
