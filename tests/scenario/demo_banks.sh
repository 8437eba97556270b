# The remittance part of the demo; demo.sh reads it, behind demo_fx.sh. A bank that does not exist, over real HTTP on both rails: one that
# goes well, an answer that is lost, a payee who is refused, a dead letter, a signed webhook, and a statement that agrees.
# shellcheck shell=bash disable=SC2154

readonly RENT=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739b1 LOST=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739b2
readonly REFUSED=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739b3 DEAD=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739b4
readonly SIGNED=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739b5
readonly PAYER=100000000000000000000001 PAYEE=200000000000000000000002
bank_pid=
bank_url=

# bank_does JSON: what the bank does wrong from now on.
bank_does() {
  "$PYTHON" -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1] + "/admin/rules", sys.argv[2].encode(), 10).read()' "$bank_url" "$1" ||
    fail "the bank does not listen"
}

# paid REFERENCE-OF-DIRECTION: how many payments in ("in") or out ("out") the bank's own ledger has of an amount.
paid() { # in|out AMOUNT
  "$PYTHON" -c 'import json, sys, urllib.request
entries = json.load(urllib.request.urlopen(sys.argv[1] + "/admin/ledger", timeout=10))["entries"]
print(sum(e["direction"] == sys.argv[2] and str(e["amount"]) == sys.argv[3] for e in entries))' "$bank_url" "$1" "$2"
}

free_port() { "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

write_bank_configuration() {
  (umask 077 && echo secret >bank.secret && cp "$HERE/../lib/keys/client.pem" client.pem)
  local patience='"inquiry_first_ms": 300, "grace_ms": 1000, "timeout_ms": 700'
  cat >banks.json <<JSON
{"allow_http": true,
 "banks": [
  {"name": "kftc", "rail": "kftc", "url": "$bank_url", $patience,
   "settings": {"client_id": "teller", "client_secret": {"file": "bank.secret"}, "institution": "M202600001",
                "account_num": "1101230000678", "account_name": "TELLER"}},
  {"name": "obie", "rail": "obie", "url": "$bank_url", "inquiry_first_ms": 60000,
   "settings": {"client_id": "teller", "client_secret": {"file": "bank.secret"}, "issuer": "teller", "key_id": "1",
                "signing_key": {"file": "client.pem"}, "bank_key": {"file": "$HERE/../lib/keys/bank.pub.pem"},
                "account": "UK.OBIE.SortCodeAccountNumber:08080021325698:TELLER"}}]}
JSON
}

start_bank() {
  local port
  port=$(free_port)
  "$TELLER" bank --opening-balance 1000000000 --settle-ms 700 --signing-key "$HERE/../lib/keys/bank.pem" \
    --notify "http://127.0.0.1:$port/banks/obie/event-notifications" --quiet >bank.json 2>>node.log &
  bank_pid=$!
  wait_for bank.json "$bank_pid"
  bank_url=$(value url <bank.json)
  write_bank_configuration
  end_node
  serve_options+=(--banks banks.json --gateway "127.0.0.1:$port" --remittance-retry-ms 300 --remittance-round-ms 0)
  serve
  quietly account open shop --owner 'Corner Shop' --currency KRW
  quietly account open shop-gbp --owner 'Corner Shop' --currency GBP
  note "teller bank: an HTTP server that speaks KFTC open banking and OBIE, and goes wrong when told to"
}

remit() { # ID AMOUNT [options]
  local id=$1 amount=$2
  shift 2
  show 0 teller remittance open shop "$amount" KRW --bank kftc --payer "$PAYER" --payee "$PAYEE" --id "$id" "$@"
}

goes_well() {
  heading "A remittance: in from one business's bank account, out to another's"
  start_bank
  remit "$RENT" 150000 --memo rent
  until_says COMPLETED teller remittance show shop "$RENT"
  show 0 teller remittance show shop "$RENT"
  [ "$(paid in 150000)" -eq 1 ] && [ "$(paid out 150000)" -eq 1 ] || fail "the bank's books differ"
  good "each state with its time; each posting in the commit of its state"
}

answer_is_lost() {
  heading "The bank pays, and its answer is lost"
  bank_does '[{"step": "push", "do": "timeout", "when": "after", "count": 1}]'
  remit "$LOST" 220000 --memo invoice
  until_says COMPLETED teller remittance show shop "$LOST"
  show 0 teller remittance show shop "$LOST"
  says PUSH_UNKNOWN
  [ "$(paid out 220000)" -eq 1 ] || fail "the bank has paid $(paid out 220000) times"
  good "unknown is a state: the bank is asked what happened, and has paid once"
}

payee_is_refused() {
  heading "A payee whose account is closed: the money goes back"
  bank_does '[{"step": "push", "account": "'$PAYEE'", "do": "refused", "code": "412"}]'
  remit "$REFUSED" 90000
  until_says REFUNDED teller remittance show shop "$REFUSED"
  note "the same, where an operator is to decide:"
  remit "$DEAD" 35000 --refund operator
  until_says DEAD_LETTER teller remittance show shop "$DEAD"
  show 0 teller remittance list --list dead
  show 0 teller remittance refund shop "$DEAD" --operator ann --reason 'the payee has moved'
  until_says REFUNDED teller remittance show shop "$DEAD"
  [ "$(paid out 90000)" -eq 1 ] && [ "$(paid out 35000)" -eq 1 ] || fail "the bank's books differ"
  good "refunded once, and never paid as well"
}

webhook_is_signed() {
  heading "OBIE: accepted first, final later; a signed webhook says when to ask"
  bank_does '[]'
  show 0 teller remittance open shop-gbp 84.50 GBP --bank obie --id "$SIGNED" \
    --payer mandate-7@UK.OBIE.SortCodeAccountNumber:11280001234567:Ada \
    --payee UK.OBIE.SortCodeAccountNumber:22280001234567:Bob
  until_says COMPLETED teller remittance show shop-gbp "$SIGNED"
  show 0 teller remittance show shop-gbp "$SIGNED"
  good "teller would have asked after a minute by itself"
}

statements_agree() {
  heading "The bank's statement beside our ledger"
  local bank
  for bank in kftc obie; do
    show 0 teller reconcile "$bank" --url "$bank_url/admin/statement?rail=$bank"
  done
  good "no difference"
}

remittances() {
  goes_well
  answer_is_lost
  payee_is_refused
  webhook_is_signed
  statements_agree
}
