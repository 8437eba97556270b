"""The bank simulator as a server (sim/bank): both rails by a client in Python, each thing that a rule can do, webhooks, and hostile HTTP.

  bank_server.py --bank PATH [--teller PATH]

What it says and signs is judged here by other code than the product's.
"""
import argparse
import csv
import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
sys.dont_write_bytecode = True

from bank import Bank, Kftc, Obie, Receiver  # noqa: E402
from jws import RsaKey, read_detached, read_token  # noqa: E402

SHORT_S = 0.3
PAYER, PAYEE = "1" * 24, "2" * 24
SORT_PAYER, SORT_PAYEE = "11223312345678", "44556687654321"
SECRET = "a secret of the callbacks"
EVENT = "urn:uk:org:openbanking:events:resource-update"
CLAIM = "http://openbanking.org.uk/"


class World:
    """A bank, its clients, and who takes its webhooks."""

    def __init__(self, bank, receiver, bank_key, client_key):
        self.bank, self.receiver, self.bank_key = bank, receiver, bank_key
        self.kftc, self.obie = Kftc(bank), Obie(bank, client_key)

    def moved(self, since):
        """What was paid after the first `since` entries, as amounts."""
        return [entry["amount"] for entry in self.bank.ledger()[since:]]

    def count(self):
        return len(self.bank.ledger())

    def forget(self):
        """No rules; webhooks that are under way are waited for and thrown away."""
        self.bank.rules([])
        while self.bank.figures()["webhooks"]["waiting"] > 0:
            pass
        while not self.receiver.is_empty():
            self.receiver.take()


def breaks(call):
    """The client's connection breaks, or it waits in vain."""
    try:
        call()
    except (OSError, http.client.HTTPException):
        return True
    return False


# ---- KFTC ----


def kftc_gives_tokens_and_refuses_others(world):
    status, reply = world.kftc.get_token()
    assert status == 200 and reply["token_type"] == "Bearer" and reply["expires_in"] > 0, reply
    stranger = Kftc(world.bank)
    stranger.token = "nonsense"
    status, reply = stranger.pull(PAYER, 1000)
    assert (status, reply["rsp_code"]) == (200, "O0002"), reply


def kftc_pulls_pushes_and_tells(world):
    before, tran_id = world.count(), world.kftc.new_id()
    status, reply = world.kftc.pull(PAYER, 1000, tran_id)
    assert (status, reply["rsp_code"], reply["bank_rsp_code"]) == (200, "A0000", "000"), reply
    assert (reply["bank_tran_id"], reply["tran_amt"]) == (tran_id, "1000")
    assert world.kftc.inquire(tran_id, 1000)[1]["bank_rsp_code"] == "000"
    status, reply = world.kftc.push(("004", "55501", "KIM"), 700)
    assert reply["res_list"][0]["bank_rsp_code"] == "000", reply
    assert world.kftc.payee(PAYEE)[1]["bank_rsp_code"] == "000"
    first, second = world.bank.ledger()[before:]
    assert (first["direction"], first["amount"], first["currency"], first["account"], first["id"]) == ("in", 1000, "KRW", PAYER, tran_id)
    assert (second["direction"], second["amount"], second["account"]) == ("out", 700, "004:55501")
    assert second["number"] == first["number"] + 1 and first["rail"] == "kftc"


def kftc_takes_an_id_once(world):
    before, tran_id = world.count(), world.kftc.new_id()
    assert world.kftc.pull(PAYER, 1000, tran_id)[1]["rsp_code"] == "A0000"
    assert world.kftc.pull(PAYER, 1000, tran_id)[1]["rsp_code"] == "A0326"
    assert world.moved(before) == [1000]
    assert world.kftc.inquire(world.kftc.new_id(), 1000)[1]["bank_rsp_code"] == "701"


def accounts_have_balances_and_limits(world):
    poor, name = "3" * 24, "004:777"
    world.bank.accounts([{"account": poor, "currency": "KRW", "balance": 500, "limit": 300},
                         {"account": name, "currency": "KRW", "balance": 0, "closed": True}])
    before = world.count()
    assert world.kftc.pull(poor, 400)[1]["bank_rsp_code"] == "455"
    assert world.kftc.pull(poor, 300)[1]["bank_rsp_code"] == "000"
    assert world.kftc.pull(poor, 201)[1]["bank_rsp_code"] == "454"
    assert world.kftc.push(("004", "777", "KIM"), 1)[1]["res_list"][0]["bank_rsp_code"] == "415"
    assert world.bank.account(poor)["balance"] == 200 and world.moved(before) == [300]
    assert world.bank.account("nobody") is None


# ---- OBIE ----


def obie_pulls_by_a_mandate(world):
    before, consent = world.count(), world.obie.mandate(SORT_PAYER)
    status, reply, headers, body = world.obie.pull(consent, SORT_PAYER, "12.34")
    assert status == 201, body
    assert read_detached(headers["x-jws-signature"], body, world.bank_key)["alg"] == "PS256"
    name = reply["Data"]["DomesticVRPId"]
    status, reply, _, body = world.obie.call("GET", "/domestic-vrps/" + name)
    assert (status, reply["Data"]["Status"]) == (200, "ACCC"), body
    entry = world.bank.ledger()[before]
    assert (entry["rail"], entry["direction"], entry["amount"], entry["currency"]) == ("obie", "in", 1234, "GBP")
    assert entry["reference"] == name


def obie_pushes_by_a_consent_once(world):
    before, consent = world.count(), world.obie.consent(SORT_PAYEE, "5.00")
    status, reply, _, body = world.obie.push(consent, SORT_PAYEE, "5.00")
    assert status == 201, body
    name = reply["Data"]["DomesticPaymentId"]
    assert world.obie.call("GET", "/domestic-payments/" + name)[1]["Data"]["Status"] in ("ACSC", "ACCC")
    assert world.obie.call("GET", "/domestic-payment-consents/" + consent)[1]["Data"]["Status"] == "COND"
    assert world.obie.push(consent, SORT_PAYEE, "5.00")[0] == 400
    assert world.moved(before) == [500]


def obie_takes_an_idempotency_key_once(world):
    before, consent = world.count(), world.obie.mandate(SORT_PAYER)
    first = world.obie.pull(consent, SORT_PAYER, "1.00", "key-1")
    again = world.obie.pull(consent, SORT_PAYER, "1.00", "key-1")
    other = world.obie.pull(consent, SORT_PAYER, "2.00", "key-1")
    assert (first[0], again[0], other[0]) == (201, 201, 400), (first, again, other)
    assert first[1]["Data"]["DomesticVRPId"] == again[1]["Data"]["DomesticVRPId"]
    assert world.moved(before) == [100]


def obie_refuses_a_wrong_signature_and_a_wrong_token(world):
    before, consent = world.count(), world.obie.mandate(SORT_PAYER)
    stranger = Obie(world.bank, RsaKey.make(seed=99))
    assert stranger.pull(consent, SORT_PAYER, "1.00")[0] == 400
    stranger.token = "nonsense"
    assert stranger.pull(consent, SORT_PAYER, "1.00")[0] == 401
    assert world.moved(before) == []


# ---- rules: how replies come ----


def pull_by_rule(world, rule):
    """One pull that meets the rule; (status, JSON or None), and what moved by it."""
    world.bank.rules([dict(rule, step="pull", count=1)])
    before = world.count()
    reply = world.kftc.pull(PAYER, 1000)
    return reply, world.moved(before)


def break_by_rule(world, rule):
    """… that breaks; what moved by it."""
    world.bank.rules([dict(rule, step="pull", count=1)])
    before = world.count()
    assert breaks(lambda: world.kftc.pull(PAYER, 1000, timeout_s=SHORT_S)), rule
    return world.moved(before)


def timeout_and_hangup_and_cut_come_before_or_after_the_work(world):
    for word in ("timeout", "hangup", "cut"):
        assert break_by_rule(world, {"do": word}) == [], word
        assert break_by_rule(world, {"do": word, "when": "before"}) == [], word
        assert break_by_rule(world, {"do": word, "when": "after"}) == [1000], word


def cut_is_half_of_a_body(world):
    world.bank.rules([{"do": "cut", "when": "after", "count": 1}])
    try:
        world.kftc.pull(PAYER, 1000)
        raise AssertionError("it was whole")
    except http.client.IncompleteRead as broken:
        assert broken.partial.startswith(b"{") and broken.expected > 0


def status_comes_before_or_after_the_work(world):
    assert pull_by_rule(world, {"do": "status"}) == ((500, None), [])
    assert pull_by_rule(world, {"do": "status", "status": 503, "when": "after"}) == ((503, None), [1000])


def broken_bodies_come_before_or_after_the_work(world):
    for word in ("half", "garbage", "empty", "html"):
        assert pull_by_rule(world, {"do": word}) == ((200, None), []), word
        assert pull_by_rule(world, {"do": word, "when": "after"}) == ((200, None), [1000]), word


def error_body_is_200_and_json(world):
    (status, reply), moved = pull_by_rule(world, {"do": "error_body", "when": "after"})
    assert status == 200 and "error" in reply and "rsp_code" not in reply and moved == [1000]


def busy_is_429_with_retry_after_and_never_works(world):
    world.bank.rules([{"do": "busy", "count": 1}, {"do": "busy", "retry_after": 7, "count": 1}])
    before = world.count()
    for seconds in ("1", "7"):
        status, headers, _ = world.bank.request("POST", "/v2.0/transfer/withdraw/fin_num", "{}")
        assert (status, headers["Retry-After"]) == (429, seconds)
    assert world.moved(before) == []


def slow_is_right_and_late_and_holds_up_nobody(world):
    world.bank.rules([{"step": "pull", "do": "slow", "delay_ms": 500, "count": 1}])
    done, began, count = [], time.monotonic(), world.bank.figures()["requests"]
    slow = threading.Thread(target=lambda: done.append(Kftc(world.bank, "SLOW000001").pull(PAYER, 1000)))
    slow.start()
    while not any(entry["rule"] == "slow" for entry in world.bank.log(count)):
        pass
    assert world.kftc.pull(PAYER, 10)[1]["rsp_code"] == "A0000" and not done
    slow.join()
    assert done[0][1]["rsp_code"] == "A0000" and time.monotonic() - began >= 0.5


def an_outage_is_all_requests_until_it_ends(world):
    for how, is_broken in (("status", False), ("timeout", True), ("hangup", True)):
        world.bank.outage(3600, how)
        if is_broken:
            assert breaks(lambda: world.kftc.post("/v2.0/transfer/result", {}, SHORT_S))
        else:
            assert world.kftc.pull(PAYER, 1)[0] == 503
        world.bank.outage(0)
        assert world.kftc.pull(PAYER, 1)[1]["rsp_code"] == "A0000"
    world.bank.rules([{"step": "pull", "do": "outage", "seconds": 3600, "count": 1}])
    assert world.kftc.pull(PAYER, 1)[0] == 503
    assert world.kftc.inquire(world.kftc.new_id(), 1)[0] == 503
    world.bank.rules([])
    assert world.kftc.pull(PAYER, 1)[1]["rsp_code"] == "A0000"


# ---- rules: what the bank says ----


def refused_is_the_rails_own_no(world):
    (_, reply), moved = pull_by_rule(world, {"do": "refused", "code": "453"})
    assert (reply["rsp_code"], reply["bank_rsp_code"], moved) == ("A0002", "453", []), reply
    (_, reply), moved = pull_by_rule(world, {"do": "refused", "code": "A0312"})
    assert (reply["rsp_code"], moved) == ("A0312", []), reply
    consent = world.obie.mandate(SORT_PAYER)
    before = world.count()
    world.bank.rules([{"rail": "obie", "step": "pull", "do": "refused", "count": 1}])
    status, reply, _, body = world.obie.pull(consent, SORT_PAYER, "1.00")
    assert (status, reply["Data"]["Status"]) == (201, "RJCT"), body
    assert world.moved(before) == []


def token_refused_is_the_rails_own_too(world):
    (status, reply), moved = pull_by_rule(world, {"do": "token_refused"})
    assert (status, reply["rsp_code"], moved) == (200, "O0002", [])
    consent = world.obie.mandate(SORT_PAYER)
    world.bank.rules([{"rail": "obie", "do": "token_refused", "count": 1}])
    assert world.obie.pull(consent, SORT_PAYER, "1.00")[0] == 401
    assert world.obie.pull(consent, SORT_PAYER, "1.00")[0] == 201


def processing_ends_after_so_many_inquiries(world):
    before, tran_id = world.count(), world.kftc.new_id()
    world.bank.rules([{"step": "pull", "do": "processing", "inquiries": 2, "count": 2}])
    assert world.kftc.pull(PAYER, 1000, tran_id)[1]["rsp_code"] == "A0001" and world.moved(before) == []
    said = [world.kftc.inquire(tran_id, 1000)[1]["bank_rsp_code"] for _ in range(3)]
    assert (said[0], said[2], world.moved(before)) == ("400", "000", [1000]), said
    status, reply, _, _ = world.obie.pull(world.obie.mandate(SORT_PAYER), SORT_PAYER, "1.00")
    assert (status, reply["Data"]["Status"]) == (201, "PDNG")
    path = "/domestic-vrps/" + reply["Data"]["DomesticVRPId"]
    said = [world.obie.call("GET", path)[1]["Data"]["Status"] for _ in range(3)]
    assert (said[0], said[2], world.moved(before)) == ("PDNG", "ACCC", [1000, 100]), said


def amounts_currencies_and_ids_of_replies_are_wrong(world):
    (_, reply), moved = pull_by_rule(world, {"do": "wrong_amount", "difference": 5})
    assert (reply["tran_amt"], moved) == ("1005", [1000])
    (_, reply), moved = pull_by_rule(world, {"do": "wrong_currency"})
    assert (reply["currency"], moved) == ("XXX", [1000])
    earlier = world.kftc.new_id()
    world.kftc.pull(PAYER, 1000, earlier)
    (_, reply), moved = pull_by_rule(world, {"do": "duplicate_id"})
    assert (reply["bank_tran_id"], moved) == (earlier, [1000])
    consent = world.obie.mandate(SORT_PAYER)
    world.bank.rules([{"step": "pull", "do": "wrong_amount", "count": 1}, {"step": "pull", "do": "wrong_currency", "count": 1}])
    said = [world.obie.pull(consent, SORT_PAYER, "1.00")[1]["Data"]["Instruction"]["InstructedAmount"] for _ in range(2)]
    assert said == [{"Amount": "1.01", "Currency": "GBP"}, {"Amount": "1.00", "Currency": "XXX"}], said


# ---- rules: callbacks ----


def generic(world, **rule):
    """A push that meets the rule of callbacks; its id."""
    world.forget()
    if rule:
        world.bank.rules([dict(rule, rail="kftc", count=1)])
    tran_id = world.kftc.new_id()
    world.kftc.push(PAYEE, 700, tran_id)
    return tran_id


def a_generic_callback_is_signed_and_names_the_payment(world):
    tran_id = generic(world)
    post = world.receiver.take()
    told = post.json()
    assert post.path == "/callbacks" and post.is_signed(SECRET) and not post.is_signed("another")
    assert abs(int(post.headers["Teller-Timestamp"]) - time.time()) < 60
    assert (told["id"], told["status"]) == (tran_id, "credited") and len(told["event"]) == 36, told
    assert told["resource"] == world.bank.ledger()[-1]["reference"]


def callback_never_comes(world):
    generic(world, do="callback_never")
    assert world.bank.figures()["webhooks"]["waiting"] == 0 and world.receiver.is_empty()


def callback_late_comes_later(world):
    generic(world, do="callback_late", seconds=1)
    began = time.monotonic()
    assert world.receiver.is_empty()
    assert world.receiver.take().at - began > 0.5


def callback_early_comes_before_the_reply(world):
    world.forget()
    world.bank.rules([{"do": "callback_early", "delay_ms": 400, "count": 1}])
    world.kftc.push(PAYEE, 700)
    replied = time.monotonic()
    assert world.receiver.take().at < replied


def callback_twice_is_the_same_event_and_another(world):
    generic(world, do="callback_twice")
    posts = [world.receiver.take().json() for _ in range(3)]
    assert len({told["event"] for told in posts}) == 2 and len({told["resource"] for told in posts}) == 1, posts


def callback_contradictory_says_both(world):
    tran_id = generic(world, do="callback_contradictory")
    posts = [world.receiver.take().json() for _ in range(2)]
    assert {told["status"] for told in posts} == {"credited", "rejected"} and {told["id"] for told in posts} == {tran_id}


def callback_unknown_is_about_nobody(world):
    generic(world, do="callback_unknown")
    told = world.receiver.take()
    known = {entry["reference"] for entry in world.bank.ledger()}
    assert told.is_signed(SECRET) and told.json()["id"] == "" and told.json()["resource"] not in known


def callback_forged_has_a_wrong_signature(world):
    tran_id = generic(world, do="callback_forged")
    post = world.receiver.take()
    assert post.json()["id"] == tran_id and not post.is_signed(SECRET)


def a_callback_that_is_not_taken_comes_again_under_its_id(world):
    world.forget()
    world.receiver.answers += [500]
    world.kftc.push(PAYEE, 700)
    first, again = world.receiver.take(), world.receiver.take()
    assert first.json()["event"] == again.json()["event"] and again.at - first.at > 0.9
    assert again.is_signed(SECRET)


def an_event_notification_is_a_signed_token_without_a_status(world):
    world.forget()
    consent = world.obie.mandate(SORT_PAYER)
    name = world.obie.pull(consent, SORT_PAYER, "1.00")[1]["Data"]["DomesticVRPId"]
    post = world.receiver.take()
    assert (post.path, post.headers["Content-Type"]) == ("/event-notifications", "application/jwt")
    claims = read_token(post.body.decode(), world.bank_key)
    subject = claims["events"][EVENT]["subject"]
    assert (subject[CLAIM + "rid"], subject[CLAIM + "rty"]) == (name, "domestic-vrp"), claims
    assert subject[CLAIM + "rlk"][0]["link"].endswith("/domestic-vrps/" + name)
    assert (claims["iss"], claims["aud"]) == (world.bank.url, "client") and len(claims["jti"]) == 36
    assert abs(claims["iat"] - time.time()) < 60 and abs(claims["toe"] - time.time()) < 60


def subject_of(world, post):
    """None: it is not signed by the bank."""
    try:
        return read_token(post.body.decode(), world.bank_key)["events"][EVENT]["subject"]
    except ValueError:
        return None


def event_notifications_go_wrong_too(world):
    consent = world.obie.mandate(SORT_PAYER)
    told = {}
    for word, count in (("callback_forged", 1), ("callback_unknown", 1), ("callback_contradictory", 2)):
        world.forget()
        world.bank.rules([{"rail": "obie", "do": word, "count": 1}])
        name = world.obie.pull(consent, SORT_PAYER, "1.00")[1]["Data"]["DomesticVRPId"]
        told[word] = [subject_of(world, world.receiver.take()) for _ in range(count)]
        told[word] = sorted((subject[CLAIM + "rid"] == name, subject[CLAIM + "rty"]) for subject in told[word] if subject)
    assert told == {"callback_forged": [], "callback_unknown": [(False, "domestic-vrp")],
                    "callback_contradictory": [(True, "domestic-payment"), (True, "domestic-vrp")]}, told


# ---- rules: when ----


def a_rule_waits_is_used_up_and_the_next_one_follows(world):
    world.bank.rules([{"path": "withdraw", "do": "status", "after": 1, "count": 2},
                      {"rail": "kftc", "do": "status", "status": 503, "after": 2, "count": 1}])
    assert [world.kftc.pull(PAYER, 1)[0] for _ in range(6)] == [200, 500, 500, 200, 503, 200]


def a_rule_is_for_a_rail_a_path_a_step_and_an_account(world):
    for rule in ({"rail": "obie"}, {"path": "deposit"}, {"step": "push"}, {"account": PAYEE}):
        world.bank.rules([dict(rule, do="status")])
        assert world.kftc.pull(PAYER, 1)[0] == 200, rule
    for rule in ({"rail": "kftc"}, {"path": "withdraw"}, {"step": "pull"}, {"account": PAYER[:20]}, {"step": "any"}):
        world.bank.rules([dict(rule, do="status")])
        assert world.kftc.pull(PAYER, 1)[0] == 500, rule
    world.bank.rules([{"step": step, "do": "status"} for step in ("token", "inquiry", "payee", "consent")])
    assert world.kftc.pull(PAYER, 1)[0] == 200
    assert [world.kftc.payee(PAYEE)[0], world.kftc.inquire(world.kftc.new_id(), 1)[0]] == [500, 500]
    assert world.bank.request("POST", "/token", "grant_type=client_credentials")[0] == 500


def chance_is_that_of_the_seed(world):
    world.bank.rules([{"step": "pull", "do": "status", "probability": "0.5"}])
    seen = [world.kftc.pull(PAYER, 1)[0] for _ in range(40)]
    assert 5 < seen.count(500) < 35, seen
    world.bank.rules([{"step": "pull", "do": "status", "probability": "0"}])
    assert world.kftc.pull(PAYER, 1)[0] == 200
    return seen


def what_is_no_rule_is_refused_and_changes_nothing(world):
    world.bank.rules([{"step": "pull", "do": "status"}])
    for text in ("", "{}", "[{}]", '[{"do": "dance"}]', '[{"do": "status", "status": 200}]', '[{"do": "status", "when": "soon"}]',
                 '[{"do": "status", "probability": 0.5}]', '[{"do": "status", "probability": "1.1"}]', '[{"do": "status", "count": 0}]',
                 '[{"do": "outage", "how": "loudly"}]', '[{"do": "status", "colour": "red"}]', '[{"do": "status", "do": "slow"}]'):
        status, _, body = world.bank.request("POST", "/admin/rules", text)
        assert status == 400 and json.loads(body)["error"], text
    assert world.kftc.pull(PAYER, 1)[0] == 500


# ---- what is true ----


def the_log_tells_what_was_asked_and_done(world):
    count = world.bank.figures()["requests"]
    world.bank.rules([{"step": "pull", "do": "hangup", "when": "after", "count": 1}])
    tran_id = world.kftc.new_id()
    assert breaks(lambda: world.kftc.pull(PAYER, 1, tran_id))
    world.kftc.inquire(tran_id, 1)
    first, second = world.bank.log(count)
    assert (first["operation"], first["rule"], first["delivery"], first["id"], first["account"]) == \
        ("kftc-withdraw", "hangup", "hangup", tran_id, PAYER), first
    assert (second["operation"], second["rule"], second["delivery"], second["status"]) == ("kftc-result", None, "answer", 200)
    assert (first["number"], second["number"]) == (count + 1, count + 2)


def the_ledger_comes_in_pages_and_the_statement_by_days(world):
    everything = world.bank.ledger()
    assert [entry["number"] for entry in everything] == list(range(1, len(everything) + 1))
    page = world.bank.admin("ledger?after=1&limit=2")
    assert page["entries"] == everything[1:3] and page["next"] == 3
    today = datetime.now(timezone.utc).date().isoformat()
    rows = world.bank.statement("2020-01-01", today)
    if datetime.now(timezone.utc).date().isoformat() == today:
        assert [row["number"] for row in rows] == [entry["number"] for entry in everything]
    assert world.bank.statement("2020-01-01", "2020-01-02") == []
    table = list(csv.DictReader(io.StringIO(world.bank.statement("2020-01-01", form="csv"))))
    assert list(table[0]) == ["number", "time", "direction", "amount", "currency", "account", "reference", "id"]
    assert [(row["reference"], row["id"]) for row in table] == [(entry["reference"], entry["id"]) for entry in everything]
    pounds = next(row for row in rows if row["currency"] == "GBP" and row["amount"] == "12.34")
    assert pounds["direction"] == "in"
    for query in ("from=today", "to=2026-13-01", "format=xml", "limit=0", "after=-1"):
        assert world.bank.request("GET", "/admin/statement?" + query)[0] == 400, query


def the_figures_balance(world):
    figures = world.bank.figures()
    assert figures["books_balance"] and figures["entries"] == world.count()
    assert figures["operations"]["kftc-withdraw"] > 0 and figures["rules"]["hangup"] > 0
    assert figures["webhooks"]["delivered"] > 0


def webhooks_can_be_sent_elsewhere(world):
    world.forget()
    with Receiver() as other:
        world.bank.webhooks(callback=other.url + "/elsewhere")
        world.kftc.push(PAYEE, 1)
        assert other.take().path == "/elsewhere"
        world.bank.webhooks(callback=None)
        world.kftc.push(PAYEE, 1)
        assert world.bank.figures()["webhooks"]["waiting"] == 0
    world.bank.webhooks(callback=world.receiver.url + "/callbacks")
    assert world.bank.request("POST", "/admin/webhooks", '{"notify": 1}')[0] == 400


# ---- hostile HTTP ----


def raw(bank, data, size=4096):
    with socket.create_connection(("127.0.0.1", bank.port), 30) as connection:
        connection.sendall(data)
        got = b""
        while chunk := connection.recv(size):
            got += chunk
        return got


def slow_heads_and_bodies_hold_up_nobody(world):
    waiting = []
    for number in range(100):
        waiting.append(socket.create_connection(("127.0.0.1", world.bank.port)))
        head = b"POST /token HTTP/1.1\r\nHost: bank\r\nContent-Length: 100\r\n"
        waiting[-1].sendall(head + b"\r\nhalf" if number % 2 else head)
    assert world.kftc.pull(PAYER, 1)[1]["rsp_code"] == "A0000"
    for each in waiting:
        each.close()


def silent_replies_hold_up_nobody_and_end_with_their_client(world):
    world.bank.rules([{"step": "token", "do": "timeout"}])
    waiting = []
    for _ in range(100):
        waiting.append(socket.create_connection(("127.0.0.1", world.bank.port)))
        waiting[-1].sendall(b"POST /token HTTP/1.1\r\nHost: bank\r\nContent-Length: 0\r\n\r\n")
    assert world.kftc.pull(PAYER, 1)[1]["rsp_code"] == "A0000"
    descriptors = Path(f"/proc/{world.bank.process.pid}/fd")
    assert len(list(descriptors.iterdir())) > 100
    for each in waiting:
        each.close()
    until = time.monotonic() + 30
    while len(list(descriptors.iterdir())) > 60 and time.monotonic() < until:
        pass
    assert len(list(descriptors.iterdir())) <= 60


def what_is_ambiguous_or_too_large_is_refused(world):
    before = world.count()
    for head in (b"Content-Length: 2\r\nContent-Length: 3", b"Content-Length: 2\r\nTransfer-Encoding: chunked"):
        answer = raw(world.bank, b"POST /v2.0/transfer/result HTTP/1.1\r\nHost: bank\r\n" + head + b"\r\n\r\n{}x")
        assert answer.startswith(b"HTTP/1.1 400"), answer
    answer = raw(world.bank, b"POST /token HTTP/1.1\r\nHost: bank\r\nContent-Length: 99999999999\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413"), answer
    assert world.bank.request("POST", "/v2.0/transfer/result", b"x" * 100000)[0] == 413
    assert world.bank.request("GET", "/" + "x" * 300)[0] == 414
    assert world.bank.request("GET", "/nowhere")[0] == 404
    assert world.bank.request("DELETE", "/token")[0] == 405
    for garbage in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 1000, bytes(range(256)) * 40):
        with socket.create_connection(("127.0.0.1", world.bank.port), 30) as connection:
            try:
                connection.sendall(garbage)
            except OSError:
                pass
    assert world.moved(before) == [] and world.kftc.pull(PAYER, 1)[1]["rsp_code"] == "A0000"


def a_connection_serves_many_requests(world):
    connection = world.bank.connect()
    for _ in range(50):
        connection.request("GET", "/nowhere")
        response = connection.getresponse()
        assert (response.status, response.read()) == (404, b"")
    connection.close()


CASES = [
    kftc_gives_tokens_and_refuses_others,
    kftc_pulls_pushes_and_tells,
    kftc_takes_an_id_once,
    accounts_have_balances_and_limits,
    obie_pulls_by_a_mandate,
    obie_pushes_by_a_consent_once,
    obie_takes_an_idempotency_key_once,
    obie_refuses_a_wrong_signature_and_a_wrong_token,
    timeout_and_hangup_and_cut_come_before_or_after_the_work,
    cut_is_half_of_a_body,
    status_comes_before_or_after_the_work,
    broken_bodies_come_before_or_after_the_work,
    error_body_is_200_and_json,
    busy_is_429_with_retry_after_and_never_works,
    slow_is_right_and_late_and_holds_up_nobody,
    an_outage_is_all_requests_until_it_ends,
    refused_is_the_rails_own_no,
    token_refused_is_the_rails_own_too,
    processing_ends_after_so_many_inquiries,
    amounts_currencies_and_ids_of_replies_are_wrong,
    a_generic_callback_is_signed_and_names_the_payment,
    callback_never_comes,
    callback_late_comes_later,
    callback_early_comes_before_the_reply,
    callback_twice_is_the_same_event_and_another,
    callback_contradictory_says_both,
    callback_unknown_is_about_nobody,
    callback_forged_has_a_wrong_signature,
    a_callback_that_is_not_taken_comes_again_under_its_id,
    an_event_notification_is_a_signed_token_without_a_status,
    event_notifications_go_wrong_too,
    a_rule_waits_is_used_up_and_the_next_one_follows,
    a_rule_is_for_a_rail_a_path_a_step_and_an_account,
    chance_is_that_of_the_seed,
    what_is_no_rule_is_refused_and_changes_nothing,
    the_log_tells_what_was_asked_and_done,
    the_ledger_comes_in_pages_and_the_statement_by_days,
    the_figures_balance,
    webhooks_can_be_sent_elsewhere,
    slow_heads_and_bodies_hold_up_nobody,
    silent_replies_hold_up_nobody_and_end_with_their_client,
    what_is_ambiguous_or_too_large_is_refused,
    a_connection_serves_many_requests,
]


# ---- the program ----


def the_same_seed_is_the_same_chance(program):
    runs = []
    for seed in (7, 7, 8):
        with Bank(program, "--seed", seed) as bank:
            runs.append(chance_is_that_of_the_seed(World(bank, None, None, None)))
    assert runs[0] == runs[1] != runs[2]


def teller_starts_it(teller):
    with Bank(teller, "--opening-balance", 5, prefix=["bank"]) as bank:
        assert Kftc(bank).pull(PAYER, 6)[1]["bank_rsp_code"] == "454"
        assert Kftc(bank, "OTHER00001").pull(PAYER, 5)[1]["bank_rsp_code"] == "000"


def the_port_may_be_chosen(program):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Bank(program, "--port", port) as bank:
        assert bank.port == port and Kftc(bank).pull(PAYER, 1)[1]["rsp_code"] == "A0000"
        second = subprocess.run([program, "--port", str(port)], capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1 and "listen" in second.stderr, second


def tokens_end(program):
    with Bank(program, "--token-life", "50ms") as bank:
        world = World(bank, None, None, None)
        world.kftc.get_token()
        while world.kftc.pull(PAYER, 1)[1]["rsp_code"] != "O0002":
            pass
        world.obie.get_token()
        while world.obie.call("GET", "/domestic-payments/nothing")[0] != 401:
            pass


def payments_settle_in_their_time(program):
    with Receiver() as receiver, Bank(program, "--settle-ms", 400, "--callback", receiver.url + "/callbacks",
                                      "--callback-secret", SECRET) as bank:
        obie = Obie(bank)
        status, reply, _, body = obie.pull(obie.mandate(SORT_PAYER), SORT_PAYER, "1.00")
        assert (status, reply["Data"]["Status"]) == (201, "RCVD") and bank.ledger() == [], body
        assert [receiver.take().json()["status"] for _ in range(2)] == ["debited", "credited"]
        assert [entry["amount"] for entry in bank.ledger()] == [100]


def events_are_for_whoever_got_the_token(program):
    key = RsaKey.make(seed=1)
    with tempfile.NamedTemporaryFile("w") as file, Receiver() as receiver:
        file.write(key.private_pem())
        file.flush()
        with Bank(program, "--signing-key", file.name, "--notify", receiver.url) as bank:
            obie = Obie(bank)
            obie.pull(obie.mandate(SORT_PAYER), SORT_PAYER, "1.00")
            assert read_token(receiver.take().body.decode(), key)["aud"] == "client"


def it_ends_on_sigterm_also_with_calls_under_way(program, scratch):
    rules = scratch / "rules.json"
    rules.write_text('[{"step": "token", "do": "timeout"}, {"step": "inquiry", "do": "slow", "delay_ms": 600000}]')
    bank = Bank(program, "--rules", rules)
    waiting = []
    for path in ("/token", "/v2.0/transfer/result"):
        waiting.append(socket.create_connection(("127.0.0.1", bank.port)))
        waiting[-1].sendall(f"POST {path} HTTP/1.1\r\nHost: bank\r\nContent-Length: 0\r\n\r\n".encode())
    while len(bank.log()) < 2:
        pass
    assert bank.stop() == 0
    for each in waiting:
        each.close()


def wrong_command_lines_are_refused(program, scratch):
    bad = scratch / "bad.json"
    bad.write_text('[{"do": "dance"}]')
    for arguments in (["--rules", scratch / "absent"], ["--rules", bad], ["--certificate", bad], ["--signing-key", bad],
                      ["--client-key", bad], ["--certificate", bad, "--key", bad], ["--port", "70000"], ["--dance"]):
        result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode in (1, 2) and result.stderr, arguments


def its_log_is_text_or_json(program):
    for options, first in (([], "teller bank: "), (["--json"], "{")):
        process = subprocess.Popen([program, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        port = json.loads(process.stdout.readline())["port"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/nowhere")
        assert connection.getresponse().status == 404
        connection.close()
        process.terminate()
        said = process.communicate(timeout=60)[1]
        assert said.startswith(first) and "/nowhere" in said and process.returncode == 0, said


def https_is_served(program, scratch):
    openssl = shutil.which("openssl")
    if openssl is None:
        print("https: skipped, there is no openssl program")
        return
    certificate, key = scratch / "certificate.pem", scratch / "key.pem"
    subprocess.run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    with Bank(program, "--certificate", certificate, "--key", key, ca_file=str(certificate)) as bank:
        assert bank.url.startswith("https://")
        kftc = Kftc(bank)
        assert kftc.pull(PAYER, 1000)[1]["rsp_code"] == "A0000"
        bank.rules([{"step": "pull", "do": word, "when": "after", "count": 1} for word in ("timeout", "hangup", "cut")])
        for _ in range(3):
            assert breaks(lambda: kftc.pull(PAYER, 1000, timeout_s=SHORT_S))
        assert len(bank.ledger()) == 4
        with Receiver(certificate=certificate, key=key) as receiver:
            bank.webhooks(callback=receiver.url)
            kftc.push(PAYEE, 1)
            while bank.figures()["webhooks"]["repeated"] == 0:
                pass
            assert receiver.is_empty()  # nobody has said that it is to be trusted
    with Receiver(certificate=certificate, key=key) as receiver, \
            Bank(program, "--ca", certificate, "--callback", receiver.url, "--callback-secret", SECRET) as bank:
        Kftc(bank).push(PAYEE, 1)
        assert receiver.take().is_signed(SECRET)


def run_cases(program, scratch):
    bank_key, client_key = RsaKey.make(seed=1), RsaKey.make(seed=2)
    (scratch / "bank.pem").write_text(bank_key.private_pem())
    (scratch / "client.pem").write_text(client_key.public_pem())
    with Receiver() as receiver, \
            Bank(program, "--notify", receiver.url + "/event-notifications", "--callback", receiver.url + "/callbacks",
                 "--callback-secret", SECRET, "--signing-key", scratch / "bank.pem", "--client-key", scratch / "client.pem",
                 "--client-id", "client", "--client-secret", "secret") as bank:
        world = World(bank, receiver, bank_key, client_key)
        for case in CASES:
            bank.rules([])
            case(world)
            print(f"ok: {case.__name__}", flush=True)
        assert bank.figures()["books_balance"]
        assert bank.stop() == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", required=True)
    parser.add_argument("--teller")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        run_cases(options.bank, scratch)
        the_same_seed_is_the_same_chance(options.bank)
        the_port_may_be_chosen(options.bank)
        tokens_end(options.bank)
        payments_settle_in_their_time(options.bank)
        events_are_for_whoever_got_the_token(options.bank)
        it_ends_on_sigterm_also_with_calls_under_way(options.bank, scratch)
        wrong_command_lines_are_refused(options.bank, scratch)
        its_log_is_text_or_json(options.bank)
        https_is_served(options.bank, scratch)
        if options.teller and os.path.exists(options.teller):
            teller_starts_it(options.teller)
    print("bank_server: all well")


if __name__ == "__main__":
    main()
