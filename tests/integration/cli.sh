#!/usr/bin/env bash
# The command line against a real server: every command, wrong input, exit codes, JSON.
# usage: cli.sh PATH-OF-TELLER
set -uo pipefail

readonly TELLER=$1
readonly PYTHON=/usr/bin/python3
FOLDER=$(mktemp -d)
SERVER=
BANK=
checks=0
failures=0

stop_server() {
  [ -z "$SERVER" ] && return
  kill "$SERVER" 2>/dev/null
  wait "$SERVER"
  SERVER=
}

# start_bank [OPTIONS...]: one that does not exist, at $BANK_URL.
start_bank() {
  "$TELLER" bank --quiet "$@" >bank.out 2>bank.log &
  BANK=$!
  local tries=0
  until [ -s bank.out ]; do
    tries=$((tries + 1))
    [ $tries -gt 300 ] && echo "the bank does not start" && exit 1
    sleep 0.1
  done
  BANK_URL=$("$PYTHON" -c 'import json; print(json.load(open("bank.out"))["url"])')
}

stop_bank() {
  [ -z "$BANK" ] && return
  kill "$BANK" 2>/dev/null
  wait "$BANK"
  BANK=
}

finish() {
  stop_server
  stop_bank
  rm -rf "$FOLDER"
}
trap finish EXIT
cd "$FOLDER" || exit 1

# start_server DATA [OPTIONS...]
start_server() {
  rm -f port
  "$TELLER" serve --data "$@" --listen tcp://127.0.0.1:0 --port-file port --journal-size 1G >"$1.log" 2>&1 &
  SERVER=$!
  local tries=0
  until [ -s port ]; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 "$SERVER" 2>/dev/null; then
      echo "the server does not start:"
      cat "$1.log"
      exit 1
    fi
    sleep 0.1
  done
  TELLER_CONNECT=$(cat port)
  export TELLER_CONNECT
}

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  sed 's/^/    out: /' out
  sed 's/^/    err: /' err
}

# check CODE ARGUMENTS...: runs teller and compares its exit code. Output is in the files out and err.
check() {
  local wanted=$1 code
  shift
  checks=$((checks + 1))
  "$TELLER" "$@" >out 2>err </dev/null
  code=$?
  [ $code -eq "$wanted" ] || fail "teller $* exits with $code, not $wanted"
}

# has FILE TEXT: the last check wrote it.
has() {
  checks=$((checks + 1))
  grep -qF -e "$2" "$1" || fail "'$2' is not in $1"
}

# json EXPRESSION: true of v, the JSON that the last check printed.
json() {
  checks=$((checks + 1))
  "$PYTHON" -c 'import json, sys; v = json.load(open("out")); sys.exit(not eval(sys.argv[1]))' "$1" 2>>err ||
    fail "not true: $1"
}

# misbehave RULES: what the bank does wrong from now on.
misbehave() {
  "$PYTHON" -c 'import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1] + "/admin/rules", sys.argv[2].encode()))' "$BANK_URL" "$1" ||
    fail "the bank does not take $1"
}

# await STATE REMITTANCE: of the account remitter; out has what it shows then.
await() {
  local tries=0
  checks=$((checks + 1))
  until "$TELLER" remittance show remitter "$2" --json >out 2>err && grep -qF "\"state\": \"$1\", \"step\"" out; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ]; then
      fail "remittance $2 does not come to $1"
      return
    fi
    sleep 0.1
  done
}

# --- help, and lines that are wrong -----------------------------------------------------------------------

for command in deposit withdraw transfer balance history import export status metrics health version sim account \
  'account open' 'account change' 'account freeze' 'account unfreeze' 'account close' 'account show' \
  'account list' 'transfer show' 'export --accounts' hold 'hold open' 'hold capture' 'hold release' 'hold show' 'hold list' proposal 'proposal open' 'proposal approve' \
  'proposal reject' 'proposal show' 'proposal list' rate 'rate set' 'rate pair' 'rate desk' 'rate latest' 'rate asof' 'rate range' \
  'rate review' 'rate accept' 'rate reject' 'rate sources' 'rate import' quote \
  'quote show' exchange events subscriber 'subscriber add' 'subscriber remove' \
  'subscriber list' deadletter 'deadletter list' 'deadletter retry' 'deadletter resolve' remittance 'remittance open' 'remittance show' \
  'remittance list' 'remittance retry' 'remittance refund' 'remittance cancel' 'remittance resolve' 'remittance settle' \
  'remittance retry-batch' banks 'banks calls'; do
  # shellcheck disable=SC2086
  check 0 $command --help
  has out "Usage: teller ${command% --accounts}"
  has out "xample"
done
check 0 --help
has out "transfer"
check 2 transfr
has err "Did you mean 'transfer'"
check 0 sim --seed 1 --plan
has out " s  "
check 2 sim --hours none
check 2 account
check 2 account opne
check 2 proposal
check 2 proposal opne
check 2 proposal open deposit alice 10 USD --reason why
check 2 proposal open gift alice 10 USD --reason why --operator ann
check 2 proposal open deposit alice 10 USD --reason why --operator ann --rate 1,5
check 2 proposal approve alice no-uuid --operator bob
check 2 deposit
check 2 deposit alice
check 2 deposit alice 10 USD extra
check 2 deposit 'not an id' 10 USD
has err "not an id"
check 2 deposit alice 10 XXY
has err "XXY"
check 2 deposit alice ten USD
check 2 deposit alice 0 USD
has err "more than zero"
check 2 deposit alice -- -5 USD
check 2 deposit alice 1.234 USD
has err "more decimals"
check 2 deposit alice 1.5 KRW
check 2 deposit alice 999999999999999999999 USD
check 2 deposit alice 10 USD --id 123
check 2 deposit alice 10 USD --deadline soon
check 2 transfer alice bob 10
check 2 transfer show nothing
check 2 balance alice --at yesterday
check 2 balance alice --at 2026-02-30
check 2 history alice --limit 0
check 2 history alice --limit 1001
check 2 account open --owner a
check 2 account change alice
check 2 import no-such-file.csv
has err "No such file"
check 2 import /dev/null
check 2 status --connect nowhere
has err "tcp://HOST:PORT"

# --- no server --------------------------------------------------------------------------------------------

check 3 balance alice --connect tcp://127.0.0.1:1 --timeout 300ms
has err "tcp://127.0.0.1:1"
has err "nothing was sent"
check 3 deposit alice 10 USD --connect tcp://127.0.0.1:1 --timeout 300ms --json
TELLER_CONNECT=tcp://127.0.0.1:1 check 3 health --timeout 300ms

# A server that never answers: sent, and the outcome is not known.
"$PYTHON" - >silent.port <<'TEXT' &
import sys
import time
import zmq
router = zmq.Context().socket(zmq.ROUTER)
print("tcp://127.0.0.1:%d" % router.bind_to_random_port("tcp://127.0.0.1"), flush=True)
time.sleep(60)
TEXT
SILENT=$!
until [ -s silent.port ]; do sleep 0.1; done
check 4 deposit alice 10 USD --connect "$(cat silent.port)" --timeout 500ms
has err "same id"
check 4 deposit alice 10 USD --connect "$(cat silent.port)" --timeout 500ms --json
json 'v["code"] == "UNKNOWN" and len(v["transaction_id"]) == 36'
kill $SILENT
wait $SILENT 2>/dev/null

# --- a ledger of two partitions ----------------------------------------------------------------------------

check 0 init --data ledger --partitions 2
start_server ledger

check 0 version --json
json 'v["partitions"] == 2 and v["protocol"] == 1'
check 0 version
check 0 health --json
json 'v["status"] == "ok" and [p["state"] for p in v["partitions"]] == ["serving"] * 2'
check 0 health
check 0 status --json
json 'len(v["partitions"]) == 2'
check 0 status
has out "postings"
check 0 metrics --json
json '[p["partition"] for p in v["partitions"]] == [0, 1]'
json '{"operation": "status", "code": "OK", "count": 2} in v["router"]["answers"]'
json '[q["queue"] for q in v["router"]["queues"]][:2] == ["ledger-0", "ledger-1"]'
check 0 metrics
has out "checkpoint_lag"
check 0 metrics --text
has out 'teller_answers_total{operation="status",code="OK"} 2'
has out '# TYPE teller_append_seconds histogram'
check 2 metrics --text --json

check 0 account open alice --owner 'Alice "A" Smith' --currency USD --json
json 'v["account"] == "alice" and v["owner"] == "Alice \"A\" Smith" and v["state"] == "ACTIVE"'
check 0 account open alice --owner 'Alice "A" Smith' --currency USD
check 1 account open alice --owner Mallory --currency USD
has err "ACCOUNT_EXISTS"
check 0 account open bob --owner Bob --currency USD --ceiling 50.00 --product basic --json
json 'v["ceiling"] == "50.00" and v["product"] == "basic"'
check 0 account open --owner Carol --currency KRW --minimum-balance -500 --json
json 'v["minimum_balance"] == "-500" and v["available"] == "500" and v["account"]'
check 0 account open shop --owner Shop --currency USD
check 1 account open house:x --owner Mallory --currency USD
has err "INVALID_FIELD account"

check 0 deposit alice 100.00 USD --memo 'first' --reference R-1 --json
json 'v["to_balance"] == "100.00" and v["status"] == "success"'
check 0 transfer alice bob 12.50 USD --id 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f
has out "87.50"
check 0 transfer alice bob 12.50 USD --id 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json
json 'v["from_balance"] == "87.50"'
check 1 transfer alice bob 13.50 USD --id 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json
json 'v["code"] == "CONFLICT" and v["field"] == "transaction_id"'
check 1 transfer alice bob 80.00 USD
has err "CEILING_EXCEEDED"
check 1 transfer alice shop 1000.00 USD
has err "INSUFFICIENT_FUNDS from_account"
check 1 transfer alice alice 1 USD
has err "SAME_ACCOUNT"
check 1 transfer alice nobody 1 USD
has err "ACCOUNT_NOT_FOUND to_account"
check 1 deposit alice 5 KRW
has err "CURRENCY_MISMATCH"
check 1 deposit alice 5 USD --memo "$("$PYTHON" -c 'print("m" * 141)')"
has err "INVALID_FIELD memo"
check 0 withdraw alice 7.50 USD --deadline 10s --json
json 'v["from_balance"] == "80.00" and v["from_account"] == "alice"'
check 0 transfer show 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json
json 'v["status"] == "success" and v["amount"] == "12.50" and v["to_account"] == "bob"'
check 0 transfer show 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f
check 1 transfer show 0192f1c4-9b6e-7cc3-98c4-dc0c0c073990
has err "NOT_FOUND"

check 0 balance alice --json
json 'v["balance"] == "80.00" and v["available"] == "80.00" and v["currency"] == "USD"'
check 0 balance alice
has out "80.00 USD"
check 0 balance alice --at 2030-01-01T00:00:00Z --json
json 'v["balance"] == "80.00" and "pending" not in v'
check 1 balance nobody
check 0 history alice --json
json 'v["entries"][0]["balance"] == "80.00" and v["entries"][-1]["kind"] == "opened" and v["cursor"] is None'
json 'v["entries"][-2]["memo"] == "first" and v["entries"][-2]["reference"] == "R-1"'
positions=$("$PYTHON" -c 'import json; print([e["position"] for e in json.load(open("out"))["entries"]])')
check 0 history alice --limit 2 --json
json "[e['position'] for e in v['entries']] == $positions[:2] and v['cursor']"
cursor=$("$PYTHON" -c 'import json; print(json.load(open("out"))["cursor"])')
check 0 history alice --cursor "$cursor" --json
json "[e['position'] for e in v['entries']] == $positions[2:]"
check 0 history alice --before 2020-01-01 --json
json 'v["entries"] == []'
check 0 history alice --after 2020-01-01T10:00:00+01:00
has out "+100.00"
has out "deposit"
check 1 history nobody

check 0 account change bob --ceiling none --minimum-balance 1.00 --owner 'Bob B' --json
json 'v["ceiling"] is None and v["minimum_balance"] == "1.00" and v["owner"] == "Bob B"'
check 2 account change bob --ceiling 1.234
check 0 account freeze bob --memo 'looked at' --json
json 'v["state"] == "FROZEN"'
check 1 transfer alice bob 1 USD
has err "ACCOUNT_FROZEN"
check 0 account unfreeze bob
check 0 account show bob
has out "ACTIVE"
check 1 account show nobody --json
json 'v["code"] == "ACCOUNT_NOT_FOUND"'
check 1 account close bob
has err "NOT_EMPTY"
check 0 account close shop --json
json 'v["state"] == "CLOSED"'
check 0 account list --json
json 'len(v["accounts"]) == 4 and v["cursor"] is None'
check 0 account list --limit 2
has out "There are more: --cursor"
check 1 account list --cursor nowhere --json
json 'v["code"] == "INVALID_FIELD" and v["field"] == "cursor"'
check 0 account list --owner 'Bob B'
has out "bob"
check 0 export --accounts
has out "account,owner,currency"
check 0 export --accounts --format jsonl --out accounts.jsonl
checks=$((checks + 1))
[ "$(wc -l <accounts.jsonl)" -eq 4 ] || fail "an export of 4 accounts has 4 lines"
check 2 export --accounts --format xml

# --- holds -------------------------------------------------------------------------------------------------

HOLD=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739
check 0 account open holder --owner holder --currency USD
check 0 deposit holder 100.00 USD
check 0 hold open holder 60.00 USD --id ${HOLD}01 --memo room --json
check 0 hold open holder 60.00 USD --id ${HOLD}01 --memo room
check 1 hold open holder 61.00 USD --id ${HOLD}01
check 1 hold open holder 41.00 USD
check 1 withdraw holder 41.00 USD
check 0 hold open holder 5.00 USD --id ${HOLD}02 --expires 2099-01-01T00:00:00Z
check 0 hold list holder --json
json '[h["held"] for h in v["holds"]] == ["60.00", "5.00"] and v["cursor"] is None'
check 1 hold list nobody
checks=$((checks + 1))
[ ! -s out ] || fail "a list that was refused is begun"
check 0 hold list holder --limit 1
check 0 hold capture holder ${HOLD}01 20.00 USD --keep --json
json 'v["from_balance"] == "80.00"'
check 1 hold capture holder ${HOLD}01 41.00 USD
check 0 hold show holder ${HOLD}01 --json
json 'v["state"] == "OPEN" and v["held"] == "40.00" and v["amount"] == "60.00" and v["memo"] == "room"'
check 0 hold capture holder ${HOLD}01 USD
check 1 hold release holder ${HOLD}01
check 0 hold release holder ${HOLD}02
check 0 hold show holder ${HOLD}02 --json
json 'v["state"] == "RELEASED" and v["held"] == "0.00"'
check 1 hold show holder ${HOLD}03
check 0 history holder --json
json '[e["kind"] for e in v["entries"]] == ["hold_released", "captured", "captured", "hold_opened", "hold_opened", "deposit", "opened"]'
json '[e["pending"] for e in v["entries"][:5]] == ["0.00", "5.00", "45.00", "65.00", "60.00"]'
check 2 hold
check 2 hold opne
check 2 hold open holder 1.00
check 2 hold capture holder no-uuid USD
check 2 hold open holder 1.00 USD --expires soon

# --- proposals ---------------------------------------------------------------------------------------------

PROPOSAL=0192f1c4-9b6e-7cc3-98c4-dc0c0c0740
check 0 proposal open deposit alice 20.00 USD --reason 'cash count' --operator ann --id ${PROPOSAL}01 --json
json 'v["state"] == "PROPOSED" and v["amount"] == "20.00" and v["decided_by"] is None and v["rate"] is None'
check 0 proposal open deposit alice 20.00 USD --reason 'cash count' --operator ann --id ${PROPOSAL}01
check 1 proposal open deposit alice 21.00 USD --reason 'cash count' --operator ann --id ${PROPOSAL}01
has err "CONFLICT transaction_id"
check 0 transfer show ${PROPOSAL}01 --json
json 'v["status"] == "pending" and v["kind"] == "deposit" and v["to_account"] == "alice" and v["memo"] == "cash count"'
check 0 balance alice --json
json 'v["balance"] == "80.00"'
check 1 proposal approve alice ${PROPOSAL}01 --operator ann
has err "SAME_OPERATOR operator"
check 0 proposal open withdraw alice 1000.00 USD --reason fee --operator ann --id ${PROPOSAL}02 --rate 1350.25
check 1 proposal approve alice ${PROPOSAL}02 --operator bob
has err "INSUFFICIENT_FUNDS account"
check 0 proposal list --json
json 'sorted(p["amount"] for p in v["proposals"]) == ["1000.00", "20.00"] and v["cursor"] is None'
json '[p["rate"] for p in v["proposals"]] == [None, "1350.25"]'
check 0 proposal list --limit 1
has out "There are more: --cursor"
check 0 proposal approve alice ${PROPOSAL}01 --operator bob --reason seen --json
json 'v["state"] == "APPROVED" and v["balance"] == "100.00" and v["decided_by"] == "bob" and v["decided_reason"] == "seen"'
check 0 proposal reject alice ${PROPOSAL}02 --operator ann
has out "REJECTED"
check 1 proposal approve alice ${PROPOSAL}02 --operator bob --json
json 'v["code"] == "PROPOSAL_REJECTED" and v["field"] == "proposal"'
check 0 transfer show ${PROPOSAL}01 --json
json 'v["status"] == "success" and v["amount"] == "20.00"'
check 0 transfer show ${PROPOSAL}02 --json
json 'v["status"] == "failed" and v["code"] == "PROPOSAL_REJECTED" and v["from_account"] == "alice"'
check 0 history alice --limit 1 --json
json 'v["entries"][0]["kind"] == "deposit" and v["entries"][0]["memo"] == "cash count"'
check 1 deposit alice 20.00 USD --memo 'cash count' --id ${PROPOSAL}01
has err "CONFLICT"
check 1 proposal show bob ${PROPOSAL}01
has err "PROPOSAL_NOT_FOUND proposal"
check 1 proposal open deposit alice 1.00 USD --reason late --operator ann --expires 2020-01-01
has err "DEADLINE_EXCEEDED expires"
check 0 proposal open withdraw alice 20.00 USD --reason 'counted twice' --operator ann --id ${PROPOSAL}03
stop_server
check 0 verify --data ledger
start_server ledger
check 0 proposal show alice ${PROPOSAL}03 --json
json 'v["state"] == "PROPOSED" and v["reason"] == "counted twice" and v["operator"] == "ann"'
check 0 proposal approve alice ${PROPOSAL}03 --operator bob
has out "80.00 USD"
check 0 proposal open deposit alice 5.00 USD --reason 'stays open' --operator ann --id ${PROPOSAL}04

# --- remittances, on a node without banks ------------------------------------------------------------------

REMITTANCE=0192f1c4-9b6e-7cc3-98c4-dc0c0c074501
check 2 remittance
check 2 remittance opne
check 2 remittance open alice 10.00 USD --bank obie --payer p
has err "--payee"
check 2 remittance open alice ten USD --bank obie --payer p --payee q
check 2 remittance open alice 10.00 USD --bank obie --payer p --payee q --refund both
has err "--refund is rail or operator"
check 2 remittance list --list ended
has err "there is no list 'ended'"
check 2 remittance retry-batch --list dead
check 2 remittance refund alice $REMITTANCE --operator ann
check 2 remittance resolve alice $REMITTANCE --operator ann --reason why --money mine
has err "--money is stays, account or bank"
check 2 remittance settle alice $REMITTANCE --operator ann --reason why --call 1 --outcome unknown
has err "--outcome is succeeded or failed"
check 2 remittance settle alice $REMITTANCE --operator ann --reason why --outcome failed
has err "--call"
check 2 remittance show alice no-uuid
check 1 remittance open alice 10.00 USD --bank obie --payer p --payee q
has err "UNSUPPORTED operation: the node has no banks"
has err "serve --banks"
check 1 remittance retry alice $REMITTANCE --operator ann --json
json 'v["code"] == "UNSUPPORTED" and v["field"] == "operation"'
check 1 remittance retry-batch
has err "UNSUPPORTED"
check 1 banks
has err "UNSUPPORTED"
check 1 banks calls --json
json 'v["code"] == "UNSUPPORTED"'
check 0 remittance list
has out "REMITTANCE"
check 0 remittance list --list failed --json
json 'v == {"remittances": [], "cursor": None}'
check 1 remittance show alice $REMITTANCE
has err "REMITTANCE_NOT_FOUND remittance"
check 0 status --json
json 'all(p["remittances_open"] == 0 and p["remittances_oldest_us"] is None for p in v["partitions"])'

# --- remittances, with a bank ------------------------------------------------------------------------------

stop_server
start_bank --opening-balance 1000000
echo secret >bank.secret
cat >banks.json <<END
{"banks": [{"name": "kftc", "rail": "kftc", "url": "$BANK_URL", "inquiry_first_ms": 100, "grace_ms": 1, "timeout_ms": 1000,
  "settings": {"client_id": "cli", "client_secret": {"file": "bank.secret"}, "institution": "M202300001", "account_num": "1101230000678",
  "account_name": "TELLER"}}], "allow_http": true}
END
start_server ledger --banks banks.json --remittance-tries 1 --remittance-rounds 1 --remittance-round-ms 0
REMITTANCE=0192f1c4-9b6e-7cc3-98c4-dc0c0c0746
PARTIES=(--bank kftc --payer 123456789012345678901234 --payee '097:1101230000999:KIM')
check 0 account open remitter --owner ann --currency KRW
check 0 remittance open remitter 10000 KRW "${PARTIES[@]}" --memo rent --reference R-1 --id ${REMITTANCE}01 --json
json 'v["amount"] == "10000" and v["refund"] == "rail" and v["payee"] == "097:1101230000999:KIM" and v["reference"] == "R-1"'
await COMPLETED ${REMITTANCE}01
json '[e["kind"] for e in v["trail"]] == ["requested", "moved", "pulled", "deposited", "withdrawn", "moved", "paid"]'
json 'v["calls"] == 2 and v["due"] is None and v["bank_reference"] and not v["alarmed"]'
check 0 remittance show remitter ${REMITTANCE}01
has out "COMPLETED since"
has out "WITHDRAWN"
check 0 remittance open remitter 10000 KRW "${PARTIES[@]}" --memo rent --reference R-1 --id ${REMITTANCE}01
has out "COMPLETED"
check 1 remittance open remitter 10001 KRW "${PARTIES[@]}" --memo rent --reference R-1 --id ${REMITTANCE}01
has err "CONFLICT transaction_id"
check 1 remittance retry remitter ${REMITTANCE}01 --operator ann
has err "REMITTANCE_ENDED remittance"
check 0 transfer show ${REMITTANCE}01 --json
json 'v["status"] == "success" and v["kind"] == "remittance" and v["from_account"] == "remitter" and v["memo"] == "rent"'
check 0 history remitter --json
json '[e["kind"] for e in v["entries"]] == ["remittance_withdrawn", "remittance_deposited", "opened"]'
json 'v["entries"][0]["bank"] == "kftc" and v["entries"][0]["direction"] == "out" and v["entries"][0]["reference"] == "R-1"'
check 0 banks
has out "closed"
check 0 banks --json
json '[(b["bank"], b["rail"], b["succeeded"]) for b in v["banks"]] == [("kftc", "kftc", 2)]'
check 0 banks calls --bank kftc --json
json 'v["calls"] == []'
check 0 remittance open remitter 7 KRW --bank other --payer p --payee q --id ${REMITTANCE}02
await FAILED ${REMITTANCE}02
check 0 transfer show ${REMITTANCE}02 --json
json 'v["status"] == "failed" and v["code"] == "REMITTANCE_ENDED"'
check 1 remittance open alice 10.00 USD "${PARTIES[@]}" --id ${REMITTANCE}01
has err "CONFLICT"
check 1 remittance open nobody 10 KRW "${PARTIES[@]}"
has err "ACCOUNT_NOT_FOUND account"
check 0 account freeze remitter
check 0 remittance open remitter 300 KRW "${PARTIES[@]}" --refund operator --id ${REMITTANCE}03
await DEPOSIT_FAILED ${REMITTANCE}03
json 'v["code"] == "ACCOUNT_FROZEN" and v["refund"] == "operator" and v["tries"] == 1'
check 0 remittance list --list deposit
has out "ACCOUNT_FROZEN"
check 0 remittance list --list push --json
json 'v["remittances"] == []'
check 0 status --json
json 'sum(p["remittances_open"] for p in v["partitions"]) == 1 and sum(p["remittances_listed"] for p in v["partitions"]) == 1'
check 0 remittance retry-batch --list deposit --json
json 'v == {"retried": 1}'
await DEAD_LETTER ${REMITTANCE}03
json 'v["rounds"] == 1 and v["step"] == "deposit"'
check 0 remittance retry-batch
has out "0 begun again"
check 1 remittance cancel remitter ${REMITTANCE}03 --operator ann --reason why
has err "REMITTANCE_NOT_HERE remittance"
check 1 remittance resolve remitter ${REMITTANCE}03 --money stays --operator ann --reason why
has err "INVALID_FIELD money"
"$TELLER" balance house:remittance:KRW:0 --json >out 2>err || check 0 balance house:remittance:KRW:1 --json
json 'v["balance"] == "300"'
check 0 remittance refund remitter ${REMITTANCE}03 --operator ann --reason 'the account is frozen'
await REFUNDED ${REMITTANCE}03
json '[e["operator"] for e in v["trail"] if e["operator"]] == ["ann"] and v["trail"][-1]["kind"] == "paid"'
check 0 account unfreeze remitter
misbehave '[{"step": "push", "do": "timeout", "when": "after", "count": 1}, {"step": "inquiry", "do": "hangup"}]'
check 0 remittance open remitter 400 KRW "${PARTIES[@]}" --id ${REMITTANCE}04
await PUSH_UNKNOWN ${REMITTANCE}04
check 1 remittance refund remitter ${REMITTANCE}04 --operator ann --reason 'nothing comes'
has err "REMITTANCE_IN_BANK remittance"
check 0 remittance list --list unknown --json
json '[r["state"] for r in v["remittances"]] == ["PUSH_UNKNOWN"]'
check 0 banks calls --json
json '[(c["bank"], c["step"], c["state"]) for c in v["calls"]] == [("kftc", "push", "ASKING")]'
stop_server
check 0 verify --data ledger
has out "remittances under way: 1"
check 4 export --data ledger --out commands.jsonl
has err "nothing was exported, because remittances are open: 1."
checks=$((checks + 1))
[ ! -e commands.jsonl ] || fail "a refused export leaves a file behind"
check 0 export --data ledger --out commands.jsonl --allow-open-remittances
has err "left out: open remittances, but not what they have brought and taken so far: 1"
rm -f commands.jsonl
start_server ledger --banks banks.json --remittance-tries 1 --remittance-rounds 1 --remittance-round-ms 0
check 0 remittance show remitter ${REMITTANCE}04
has out "PUSH_UNKNOWN since"
check 1 remittance settle remitter ${REMITTANCE}04 --call 1 --outcome failed --operator ann --reason 'says Mr Lee'
has err "REMITTANCE_NOT_HERE call"
check 0 remittance settle remitter ${REMITTANCE}04 --call 2 --outcome succeeded --operator ann --reason 'says Mr Lee' --json
json 'v["state"] == "COMPLETED" and v["reason"] == "says Mr Lee"'
check 0 balance remitter --json
json 'v["balance"] == "0"'
misbehave '[]'
stop_server
stop_bank
check 0 verify --data ledger
start_server ledger

# --- the FX desk -------------------------------------------------------------------------------------------

QUOTE=0192f1c4-9b6e-7cc3-98c4-dc0c0c0750
check 2 rate
check 2 rate set USD KRW 1,5
check 2 quote alice USD KRW 10.00 --side both
check 2 exchange alice won no-uuid
check 0 account open won --owner 'Alice "A" Smith' --currency KRW
check 1 quote alice USD KRW 10.00
has err "RATE_NOT_FOUND buy"
check 0 rate set USD KRW 1350.25 --source bank --operator ann
check 0 rate set JPY KRW 912.34 --units 100 --as-of 2020-01-01 --json
check 0 rate pair USD KRW --spread 10000 --valid 60s --operator ann
check 0 rate desk --json
json 'sorted((r["base"], r["rate"], r["units"], r["is_stale"]) for r in v["rates"]) == [("JPY", "912.34", 100, True), ("USD", "1350.25", 1, False)]'
json 'v["pairs"] == [{"base": "KRW", "counter": "USD", "spread": 10000, "valid": 60}]'
check 0 rate desk
has out "stale"
check 0 quote alice USD KRW 10.00 --id ${QUOTE}01 --json
json 'v["state"] == "OPEN" and v["buy_amount"] == "13367" and v["spread"] == "135" and v["residue"] == "0" and v["mid"] == "1350.25"'
check 0 quote alice USD KRW 10.00 --id ${QUOTE}01
check 1 quote alice USD KRW 11.00 --id ${QUOTE}01
has err "CONFLICT transaction_id"
check 0 exchange alice won ${QUOTE}01 --id ${QUOTE}02 --memo travel --json
json 'v["sell_amount"] == "10.00" and v["to_balance"] == "13367" and v["code"] == "OK"'
check 0 exchange alice won ${QUOTE}01 --id ${QUOTE}02 --memo travel
check 1 exchange alice won ${QUOTE}01
has err "QUOTE_USED quote"
check 0 quote show alice ${QUOTE}01 --json
json 'v["state"] == "USED" and v["quote"] == "'${QUOTE}01'"'
check 0 transfer show ${QUOTE}02 --json
json 'v["status"] == "success" and v["kind"] == "exchange"'
check 0 history won --limit 1 --json
json 'v["entries"][0]["kind"] == "exchange_in" and v["entries"][0]["memo"] == "travel" and v["entries"][0]["counterparty"].startswith("house:fx:KRW:")'
json 'v["entries"][0]["exchange"] == "'${QUOTE}02'" and v["entries"][0]["transaction_id"] != "'${QUOTE}02'"'
check 0 history alice --limit 1 --json
json 'v["entries"][0]["kind"] == "exchange_out" and v["entries"][0]["exchange"] == "'${QUOTE}02'"'
check 0 history won --limit 1
has out "exchange ${QUOTE}02"
check 1 quote show won ${QUOTE}01
has err "QUOTE_NOT_FOUND quote"
stop_server
check 0 verify --data ledger
start_server ledger
check 0 quote show alice ${QUOTE}01
has out "USED"
check 0 deposit alice 10.00 USD
check 0 withdraw won 13367 KRW

# --- import ------------------------------------------------------------------------------------------------

printf '\xef\xbb\xbfop;account;from_account;to_account;currency;amount;owner;memo;remark\r\n' >money.csv
printf 'account.open;u1;;;KRW;;User 1;;x\r\naccount.open;u2;;;KRW;;User 2;;\r\n' >>money.csv
printf 'deposit;u1;;;KRW;1000;;"a ""quoted""; memo";\r\n\r\ntransfer;;u1;u2;KRW;300;;lunch;\r\n' >>money.csv
check 0 import money.csv --json
json 'v["done"] == 4 and v["refused"] == 0 and v["accounts"] == 2'
check 0 balance u2 --json
json 'v["balance"] == "300"'
check 0 history u1 --json
json 'v["entries"][1]["memo"] == "a \"quoted\"; memo"'
check 0 import money.csv
check 0 balance u2 --json
json 'v["balance"] == "300"'
checks=$((checks + 1))
[ ! -e money.csv.teller-progress ] && [ ! -e money.csv.refused.csv ] || fail "a complete import leaves files behind"

cat >mixed.csv <<'TEXT'
op,transaction_id,account,from_account,to_account,currency,amount,group
withdraw,,u2,,,KRW,100,
withdraw,,u2,,,KRW,1000,
transfer,,,u2,nobody,KRW,1,
bogus,,u2,,,KRW,1,
deposit,,u2,,,KRW,1.5,
deposit,not-an-id,u2,,,KRW,1,
deposit,,u2,,,,1,
deposit,,"u2,,,KRW,1,
deposit,,u2,,KRW
transfer,,,u1,u2,KRW,10,5f3a3f3e-3c53-4f5e-8a3e-3d6f3f3e3c53
transfer,,,u1,u2,KRW,20,5f3a3f3e-3c53-4f5e-8a3e-3d6f3f3e3c53
transfer,,,u1,u2,KRW,10,5f3a3f3e-3c53-4f5e-8a3e-3d6f3f3e3c54
transfer,,,u1,u2,KRW,99999,5f3a3f3e-3c53-4f5e-8a3e-3d6f3f3e3c54
TEXT
for _ in first again; do
  check 1 import mixed.csv --json
  json 'v["done"] == 2 and v["refused"] == 9'
  cp mixed.csv.refused.csv out
  has out '3,INSUFFICIENT_FUNDS,from_account,'
  has out '4,ACCOUNT_NOT_FOUND,to_account,'
  has out '5,UNSUPPORTED,operation,'
  has out '6,INVALID_FIELD,amount,'
  has out '7,INVALID_FIELD,transaction_id,'
  has out '8,INVALID_FIELD,currency,'
  has out '9,BAD_REQUEST,,"a quote is not closed"'
  has out '10,BAD_REQUEST,,"fewer fields than columns"'
  has out '13,INSUFFICIENT_FUNDS,'
  check 0 balance u2 --json
  json 'v["balance"] == "230"'
done

cat >money.jsonl <<'TEXT'
{"op": "deposit", "account": "new1", "amount": "10.00"}
{"op": "group", "items": [{"op": "transfer", "from_account": "new1", "to_account": "new2", "amount": 4, "time": 7}]}
{"op": "account.change", "account": "new2", "ceiling": "5.00"}
{"op": "deposit", "account": "new2", "amount": "2.00"}
{"op": "account.change", "account": "new2", "ceiling": null}
{"op": "deposit", "account": "new2", "amount": "3.00"}
{"op": "account.freeze", "account": "new1"}
{"op": "transfer", "from_account": "new1", "to_account": "new2", "amount": "1"}
{"op": "deposit", "account": "new2", "amount": 1.5}
{"op": "deposit", "op": "withdraw"}
[]
TEXT
check 1 import money.jsonl --currency USD --create-accounts --json
json 'v["done"] == 6 and v["refused"] == 5 and v["accounts"] == 2'
check 0 balance new2 --json
json 'v["balance"] == "7.00"'
check 2 import money.csv --format xml
printf 'account,amount\nu1,5\n' >headless.csv
check 2 import headless.csv
has err "no column 'op'"

# Holds: opened once, however often the file is imported; what cannot hold is refused, what would hold nothing is left out.
cat >holds.csv <<'TEXT'
op,transaction_id,account,amount,currency,memo,expires,group
account.open,,h1,,KRW,,,
deposit,,h1,100,KRW,,,
hold,0192f1c4-9b6e-7cc3-98c4-dc0c0c080001,h1,10,KRW,taxi,2100-01-01T00:00:00Z,
hold,0192f1c4-9b6e-7cc3-98c4-dc0c0c080002,h1,20,KRW,,4102444800000000,
hold,0192f1c4-9b6e-7cc3-98c4-dc0c0c080003,h1,30,KRW,,2001-01-01T00:00:00Z,
hold,,h1,1,KRW,,tomorrow,
hold,,h1,1,KRW,,0,
hold,,h1,71,KRW,,,
hold,,h1,1,KRW,,,5f3a3f3e-3c53-4f5e-8a3e-3d6f3f3e3c55
TEXT
for _ in first again; do
  check 1 import holds.csv --json
  json 'v["done"] == 4 and v["expired"] == 1 and v["refused"] == 4'
  cp holds.csv.refused.csv out
  has out '7,INVALID_FIELD,expires,'
  has out '8,INVALID_FIELD,expires,'
  has out '9,INSUFFICIENT_FUNDS,from_account,'
  has out '10,INVALID_FIELD,kind,'
  check 0 hold list h1 --json
  json '[(h["held"], h["expires"], h["memo"]) for h in v["holds"]] == [("10", "2100-01-01T00:00:00.000000Z", "taxi"), ("20", "2100-01-01T00:00:00.000000Z", None)]'
done
check 1 import holds.csv
has out "Left out: holds whose time is over: 1."

# Chains over accounts of both partitions: each line can be paid only with what the line before brought.
"$PYTHON" - >chain.csv <<'TEXT'
print("op,account,from_account,to_account,amount\ndeposit,c0,,,1000")
for i in range(400):
    print(f"transfer,,c{i % 23},c{(i + 1) % 23},1000")
TEXT
check 0 import chain.csv --currency KRW --create-accounts --json
json 'v["done"] == 401 and v["refused"] == 0'
check 0 balance c9 --json
json 'v["balance"] == "1000"'

# An import that loses its server goes on where it ended.
"$PYTHON" - >long.csv <<'TEXT'
print("op,account,amount,currency")
for i in range(60000):
    print(f"deposit,l{i % 50},{i % 9 + 1},KRW")
TEXT
"$TELLER" import long.csv --create-accounts --timeout 2s >out 2>err &
IMPORT=$!
until [ -s long.csv.teller-progress ] || ! kill -0 $IMPORT 2>/dev/null; do sleep 0.01; done
kill -9 "$SERVER"
wait "$SERVER" 2>/dev/null
SERVER=
wait $IMPORT
start_server ledger
check 0 import long.csv --create-accounts --json
json 'v["done"] == 60000 and v["refused"] == 0'
check 0 import long.csv --create-accounts --json
json 'v["done"] == 60000'
for i in 0 7 49; do
  check 0 balance l$i --json
  wanted=$("$PYTHON" -c "print(sum(j % 9 + 1 for j in range($i, 60000, 50)))")
  json "v['balance'] == '$wanted'"
done

# --- out to a file and in again, into another number of partitions -------------------------------------------

check 0 export --accounts --out before.csv
stop_server
for format in csv jsonl; do
  check 0 export --data ledger --format $format --out commands.$format
  check 0 init --data copy-$format --partitions 3
  start_server copy-$format
  check 0 import commands.$format
  check 0 export --accounts --out after.csv
  stop_server
  checks=$((checks + 1))
  cut -d, -f1-9 before.csv | sort >one
  cut -d, -f1-9 after.csv | sort >two
  diff one two >out || fail "the accounts of a copy by $format differ"
done

echo "$checks checks, $failures failed"
[ $failures -eq 0 ]
