#!/usr/bin/env bash
# A guided tour of teller, for `./dev demo`: wallets, transfers, refusals, a repeated id, a history, an atomic
# group, the FX desk (demo_fx.sh), remittances through a bank that misbehaves (demo_banks.sh), real bank data, a kill -9 in the middle of load and the recovery, and the digests that agree.
#
#   TELLER=path/to/teller tests/scenario/demo.sh [--stay]
#
# Works in a directory of its own and on a free port. --stay leaves the node running and tells where.
# With TELLER_TEST_DATA, a directory that holds berka/trans-20000.asc.gz, it imports that too; its ecb/eurofxref-daily.xml
# gives the rates.
# Every step is checked; it exits 0 when all of them went as told.
set -euo pipefail

TELLER=$(realpath "${TELLER:?the path of the program}")
readonly TELLER PYTHON=/usr/bin/python3
HERE=$(dirname "$(realpath "$0")")
readonly HERE LOAD_LINES=300000
TEST_DATA=${TELLER_TEST_DATA:-.}
STAY=no
[ "${1:-}" = --stay ] && STAY=yes

if [ -t 1 ]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' GREEN='' RED='' PLAIN=''
fi

node_pid=
import_pid=
serve_options=()
steps=0
folder=$(mktemp -d "${TMPDIR:-/tmp}/teller-demo-XXXXXX")
cd "$folder"

cleanup() {
  local code=$?
  [ -z "$import_pid" ] || kill "$import_pid" 2>/dev/null || true
  [ -z "$webhook_pid" ] || kill "$webhook_pid" 2>/dev/null || true
  if [ "$STAY" = no ] || [ "$code" -ne 0 ]; then
    [ -z "$source_pid" ] || kill "$source_pid" 2>/dev/null || true
    [ -z "$bank_pid" ] || kill "$bank_pid" 2>/dev/null || true
    [ -z "$node_pid" ] || kill_node
    rm -rf "$folder"
  fi
  exit "$code"
}
trap cleanup EXIT

# --- telling and checking -------------------------------------------------------------------------------

heading() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }
note() { printf '  %s%s%s\n' "$DIM" "$*" "$PLAIN"; }
good() {
  steps=$((steps + 1))
  printf '  %s✓ %s%s\n' "$GREEN" "$*" "$PLAIN"
}
fail() {
  printf '  %s✗ %s%s\n' "$RED" "$*" "$PLAIN"
  [ -e node.log ] && sed 's/^/    /' node.log
  exit 1
}

# show CODE teller …: prints the command as one would type it and what it says; the exit code must be CODE.
show() {
  local wanted=$1 code=0 argument line=
  shift
  for argument in "$@"; do
    case $argument in
      *[!A-Za-z0-9_.:/=-]*) line+=" '$argument'" ;;
      *) line+=" $argument" ;;
    esac
  done
  printf '  %s$%s%s\n' "$BOLD" "$line" "$PLAIN"
  shift
  "$TELLER" "$@" >out.txt 2>&1 || code=$?
  sed 's/^/    /' out.txt
  [ "$code" -eq "$wanted" ] || fail "the exit code is $code, not $wanted"
}

quietly() {
  "$TELLER" "$@" >out.txt 2>&1 || {
    cat out.txt
    fail "teller $1 failed"
  }
}

# --- the node -------------------------------------------------------------------------------------------

serve() {
  local listen=${TELLER_CONNECT:-tcp://127.0.0.1:0}
  rm -f port
  "$TELLER" serve --data ledger --listen "$listen" --port-file port "${serve_options[@]}" >/dev/null 2>>node.log &
  node_pid=$!
  while [ ! -e port ]; do
    kill -0 "$node_pid" 2>/dev/null || fail "the node does not start"
    read -rt 0.02 <> <(:) || true
  done
  TELLER_CONNECT=$(cat port)
  export TELLER_CONNECT
}

end_node() {
  kill -TERM "$node_pid"
  wait "$node_pid" || fail "the node does not end well"
  node_pid=
}

kill_node() {
  kill -9 "$node_pid"
  { wait "$node_pid" || true; } 2>/dev/null
  node_pid=
}

digest_of() { # verify|replay DIRECTORY
  "$TELLER" "$1" --data "$2" --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["digest"])'
}

short() { printf '%s…' "${1:0:16}"; }

postings() {
  "$TELLER" status --json | "$PYTHON" -c '
import json, sys
print(sum(each["postings"] for each in json.load(sys.stdin)["partitions"]))'
}

# --- the tour -------------------------------------------------------------------------------------------

start() {
  heading "A ledger with two partitions"
  show 0 teller init --data ledger --partitions 2
  serve
  printf '  %s$ teller serve --data ledger &%s\n' "$BOLD" "$PLAIN"
  printf '  %s$ export TELLER_CONNECT=%s%s\n' "$BOLD" "$TELLER_CONNECT" "$PLAIN"
  show 0 teller health
}

wallets() {
  heading "Wallets, and money that moves"
  show 0 teller account open alice --owner 'Alice Kim' --currency USD
  quietly account open bob --owner 'Bob Lee' --currency USD
  quietly account open carol --owner 'Carol Diaz' --currency USD --ceiling 50.00
  note "(bob, and carol with a ceiling of 50.00, are opened the same way)"
  show 0 teller deposit alice 100.00 USD --memo 'cash at the counter'
  show 0 teller transfer alice bob 12.50 USD --memo lunch --id 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f
  good "alice and bob are in different partitions: both sides, or neither"
}

refusals() {
  heading "What is refused moves nothing"
  show 1 teller withdraw bob 500.00 USD
  show 1 teller transfer alice carol 60.00 USD
  show 1 teller transfer alice nobody 1.00 USD
  good "an overdraft, a ceiling, an unknown account"
}

repeats() {
  heading "The same id again: the same answer, and the money moves once"
  show 0 teller transfer alice bob 12.50 USD --memo lunch --id 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f
  note "The same id with another amount:"
  show 1 teller transfer alice bob 99.00 USD --memo lunch --id 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f
  [ "$("$TELLER" balance bob --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["balance"])')" = 1250 ] ||
    "$TELLER" balance bob | grep -q ' 12\.50 USD' || fail "bob was paid twice"
  good "bob was paid once"
}

group() {
  heading "A group: all of it, or none"
  note "Services speak msgpack over ZeroMQ; in Python it looks like this (docs/WIRE.md):"
  "$PYTHON" "$HERE/demo_group.py" "$TELLER_CONNECT" | sed 's/^/    /'
  good "the second group was refused whole, because of one item"
}

history() {
  heading "A history, with the balance after each entry"
  show 0 teller history alice
  show 0 teller transfer show 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f
}

bank() {
  heading "Real transactions of a bank"
  if [ ! -e "$TEST_DATA/berka/trans-20000.asc.gz" ]; then
    note "skipped: name a directory with berka/trans-20000.asc.gz in TELLER_TEST_DATA"
    return
  fi
  TEST_DATA=$TEST_DATA LIBRARY=$HERE/../integration "$PYTHON" -B -c '
import os, sys
sys.path.insert(0, os.environ["LIBRARY"])
from pathlib import Path
import berka
berka.write_import("bank.csv", berka.read_rows(Path(os.environ["TEST_DATA"]) / berka.FILE_NAME))'
  note "20,000 rows of 986 accounts, January 1993 and later, as CSV:"
  sed -n '1p;2p;$p' bank.csv | sed 's/^/    /'
  show 0 teller import bank.csv
  good "all of them, each once"
}

# Shops pay their takings into tills, many of them in the other partition.
write_load() {
  awk -v lines="$LOAD_LINES" 'BEGIN {
    print "op,account,owner,currency,from_account,to_account,amount"
    for (i = 0; i < 100; i++) printf "account.open,shop-%d,shops,EUR,,,\naccount.open,till-%d,shops,EUR,,,\n", i, i
    for (i = 0; i < 100; i++) printf "deposit,,,EUR,,shop-%d,1000.00\n", i
    for (i = 0; i < lines; i++) printf "transfer,,,EUR,shop-%d,till-%d,0.%02d\n", i % 100, i % 100, 1 + i % 20
  }' >load.csv
}

crash() {
  local seen started
  heading "kill -9 in the middle of load"
  write_load
  printf '  %s$ teller import load.csv &%s    %s# %d transfers%s\n' "$BOLD" "$PLAIN" "$DIM" "$LOAD_LINES" "$PLAIN"
  seen=$(postings)
  "$TELLER" import load.csv --json >import.json 2>import.log &
  import_pid=$!
  while [ "$(postings)" -lt $((seen + LOAD_LINES / 5)) ]; do
    kill -0 "$import_pid" 2>/dev/null || fail "the import ended early: $(cat import.json import.log)"
  done
  printf '  %s$ kill -9 %s%s\n' "$BOLD" "$node_pid" "$PLAIN"
  kill_node
  if kill -0 "$import_pid" 2>/dev/null; then
    note "the node is gone; the import waits and asks again with the same ids"
  fi
  started=$(date +%s%N)
  serve
  printf '  %s$ teller serve --data ledger &%s\n' "$BOLD" "$PLAIN"
  note "it serves again after $((($(date +%s%N) - started) / 1000000)) ms"
  wait "$import_pid" || fail "the import failed: $(cat import.json import.log)"
  import_pid=
  sed 's/^/    /' import.json
  grep -Eq "\"done\": ?$((LOAD_LINES + 300))\b" import.json || fail "not every line is done"
  good "$LOAD_LINES transfers, each carried out once, over the crash"
}

digests() {
  local live again replayed copy
  heading "Is every cent still there?"
  show 0 teller verify --data ledger
  live=$(digest_of verify ledger)
  kill_node
  serve
  again=$(digest_of verify ledger)
  replayed=$(digest_of replay ledger)
  quietly export --data ledger --out ledger.jsonl
  copy=$(copy_digest)
  printf '    %-44s %s\n' "before another kill -9" "$(short "$live")" "after it" "$(short "$again")" \
    "replayed from the journal alone" "$(short "$replayed")" "exported, imported into 3 partitions" "$(short "$copy")"
  [ "$live" = "$again" ] && [ "$live" = "$replayed" ] && [ "$live" = "$copy" ] || fail "the digests differ"
  good "one state, four ways"
}

# Imports the export into a new node with three partitions, beside the first.
copy_digest() {
  local pid endpoint
  "$TELLER" init --data copy --partitions 3 >/dev/null
  "$TELLER" serve --data copy --listen tcp://127.0.0.1:0 --port-file copy.port >/dev/null 2>>node.log &
  pid=$!
  while [ ! -e copy.port ] && kill -0 "$pid" 2>/dev/null; do read -rt 0.02 <> <(:) || true; done
  endpoint=$(cat copy.port)
  "$TELLER" import ledger.jsonl --connect "$endpoint" >copy.log 2>&1 || cat copy.log >&2
  kill "$pid"
  wait "$pid" || true
  digest_of verify copy
}

stay() {
  cat <<TEXT

The node goes on serving. Try:

  export TELLER_CONNECT=$TELLER_CONNECT
  $TELLER account list
  $TELLER transfer alice bob 1.00 USD
  $TELLER rate latest ecb
  $TELLER quote grace-usd USD KRW 50.00
  $TELLER remittance open shop 12000 KRW --bank kftc --payer $PAYER --payee $PAYEE
  $TELLER banks
  $TELLER metrics

Rates come from $source_url, by $folder/feed.json;
the banks are at $bank_url, by $folder/banks.json.
To end it: kill $node_pid $source_pid $bank_pid; rm -r $folder
TEXT
}

# shellcheck source=tests/scenario/demo_fx.sh
. "$HERE/demo_fx.sh"
# shellcheck source=tests/scenario/demo_banks.sh
. "$HERE/demo_banks.sh"

start
wallets
refusals
repeats
group
history
fx_desk
remittances
bank
crash
digests
heading "Done in $SECONDS s: $steps things shown, all as told."
if [ "$STAY" = yes ]; then
  disown "$node_pid" "$source_pid" "$bank_pid"
  stay
fi
