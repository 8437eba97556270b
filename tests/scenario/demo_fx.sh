# The FX desk's part of the demo; demo.sh reads it and gives it its helpers. Rates through real HTTP from a source that then
# misbehaves, an account with a book value, two persons for one deposit, a quote and an exchange between two partitions, a
# hold that expires by itself, events by webhook, figures.
#
# The rates are the ECB's day file ($TEST_DATA/ecb/eurofxref-daily.xml), or tests/scenario/example-rates.xml. No quote is made
# of old rates, so the source then serves the same figures under yesterday's and today's dates.
# shellcheck shell=bash disable=SC2154

readonly FIRST_LOT=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739a1 PROMISE=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739a2
readonly RESERVATION=0192f1c4-9b6e-7cc3-98c4-dc0c0c0739a3
source_pid=
source_url=
webhook_pid=

# --- helpers --------------------------------------------------------------------------------------------

value() { "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# says TEXT: what the last `show` printed has it.
says() { grep -qF -- "$1" out.txt || fail "it does not say: $1"; }

# until_says TEXT teller …: asks again until the answer has the text, for 20 seconds at most.
until_says() {
  local text=$1 deadline=$((SECONDS + 20))
  shift 2
  until "$TELLER" "$@" 2>&1 | grep -qF -- "$text"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "teller $*: it does not come to say: $text"
    read -rt 0.05 <> <(:) || true
  done
}

# wait_for FILE PID: until the file is there.
wait_for() {
  while [ ! -s "$1" ]; do
    kill -0 "$2" 2>/dev/null || fail "what should write $1 has ended"
    read -rt 0.02 <> <(:) || true
  done
}

# source_does PATH JSON: a word to the source of rates.
source_does() {
  "$PYTHON" -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], sys.argv[2].encode(), 10).read()' "$source_url$1" "$2" ||
    fail "the source of rates does not listen"
}

# --- the source -----------------------------------------------------------------------------------------

# rates_of FILE: "USD 1.0556" and so on.
rates_of() { sed -n "s/.*currency='\([A-Z]*\)' rate='\([0-9.]*\)'.*/\1 \2/p" "$1"; }

# The same figures as of each of the dates, in the form of the ECB's history.
write_history() { # FILE DATE...
  local file=$1 date
  shift
  rates_of "$file" | awk '{ line = line "," $1 } END { print "Date" line "," }'
  for date in "$@"; do
    rates_of "$file" | awk -v line="$date" '{ line = line "," $2 } END { print line "," }'
  done
}

start_source() {
  local file=$1
  today=$(date -u +%F)
  yesterday=$(date -u -d yesterday +%F)
  published=$(sed -n "s/.*Cube time='\([0-9-]*\)'.*/\1/p" "$file")
  write_history "$file" "$today" "$yesterday" "$published" >history.csv
  "$TELLER" rates-source --csv history.csv --daily "$file" >source.json 2>>node.log &
  source_pid=$!
  wait_for source.json "$source_pid"
  source_url=$(value url <source.json)
}

write_feed_configuration() {
  cat >feed.json <<JSON
{"allow_http": true,
 "sources": [{"name": "ecb", "kind": "ecb", "url": "$source_url/stats/eurofxref/eurofxref-daily.xml",
              "every_s": 1, "spike_ppm": 100000, "age_limit_s": 345600, "desk": ["EUR/USD", "EUR/KRW"]}]}
JSON
}

rates() {
  local file=$TEST_DATA/ecb/eurofxref-daily.xml
  heading "Rates, fetched over HTTP"
  if [ -e "$file" ]; then
    note "The source serves the ECB's own file, to the byte: $file"
  else
    file=$HERE/example-rates.xml
    note "The source serves an EXAMPLE with made-up figures: name a directory with ecb/eurofxref-daily.xml in TELLER_TEST_DATA"
  fi
  start_source "$file"
  write_feed_configuration
  end_node
  serve_options=(--feed feed.json --webhook-allow-http --webhook-retry-ms 200)
  serve
  printf '  %s$ teller serve --data ledger %s &%s\n' "$BOLD" "${serve_options[*]}" "$PLAIN"
  until_says "$published" teller rate latest ecb EUR/KRW
  show 0 teller rate latest ecb EUR/USD
  until_says KRW teller rate desk
  show 0 teller rate pair USD KRW --spread 10000 --valid 60s
  quietly account open grace-usd --owner 'Grace Park' --currency USD --fx
  quietly account open grace-krw --owner 'Grace Park' --currency KRW
  note "What one dollar was worth on $published is kept. But no quote is made of it today:"
  show 1 teller quote grace-usd USD KRW 100.00
  says RATE_STALE
  note "From here on the source serves the same figures with yesterday's date, $yesterday."
  source_does /admin/day "{\"today\": \"$yesterday\"}"
  until_says "$yesterday" teller rate latest ecb EUR/KRW
  until_says "$yesterday" teller rate latest ecb EUR/USD
  until_fresh
  show 0 teller rate desk
  good "the desk quotes dollars in won, over the euro, with a spread of 1 %"
}

until_fresh() {
  local deadline=$((SECONDS + 20))
  while "$TELLER" rate desk --json | grep -q '"is_stale": *true'; do
    [ "$SECONDS" -lt "$deadline" ] || fail "the desk's rates stay stale"
    read -rt 0.05 <> <(:) || true
  done
}

bad_source() {
  local id
  heading "The source goes wrong; the desk keeps the good rate"
  note "Today's dollar is ten times too high:"
  # Nothing is served between the two changes: a good rate of today, or a bad one of yesterday, would be another story.
  source_does /admin/rules '[{"path": "daily", "do": "status", "status": 503}]'
  source_does /admin/day "{\"today\": \"$today\"}"
  source_does /admin/rules '[{"path": "daily", "do": "spike", "currency": "USD", "factor": "10"}]'
  until_says "$today" teller rate review
  show 0 teller rate review
  show 0 teller rate latest ecb EUR/USD
  says "$yesterday"
  id=$("$TELLER" rate review --json | "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["rates"][0]["id"])')
  show 0 teller rate reject "$id" --operator ann
  note "Then it answers nothing but 500:"
  source_does /admin/rules '[{"path": "daily", "do": "status", "status": 500}]'
  until_says 500 teller rate sources
  show 0 teller rate sources
  source_does /admin/rules '[]'
  until_says "$today" teller rate latest ecb EUR/USD
  note "It is well again: today's rates are there."
  good "what looks wrong waits for a person; what is down does no harm"
}

# --- the desk -------------------------------------------------------------------------------------------

book_value() {
  heading "A dollar account that knows what its dollars cost"
  note "A deposit by hand: ann proposes, and somebody else has to approve."
  show 0 teller proposal open deposit grace-usd 600.00 USD --rate 1120 --reason 'cash count' --operator ann --id "$FIRST_LOT"
  show 1 teller proposal approve grace-usd "$FIRST_LOT" --operator ann
  says SAME_OPERATOR
  quietly proposal approve grace-usd "$FIRST_LOT" --operator bea
  "$TELLER" proposal show grace-usd "$FIRST_LOT" >out.txt
  says APPROVED
  note "(bea approves it: the 600.00 are there)"
  show 0 teller deposit grace-usd 400.00 USD --rate 1180
  show 0 teller account show grace-usd
  says '1144000 KRW'
  says '1144 KRW'
  note "600 at 1120 and 400 at 1180: 1144 on average. Taken out at 1150.50, each dollar gains 6.50:"
  show 0 teller withdraw grace-usd 200.00 USD --rate 1150.50
  show 0 teller history grace-usd --limit 3
  says 'gain 1300'
  good "average rate, book value and gain, to the won"
}

exchange() {
  heading "A quote, and an exchange between two partitions"
  show 0 teller quote grace-usd USD KRW 100.00 --id "$PROMISE"
  show 0 teller exchange grace-usd grace-krw "$PROMISE" --memo 'for the trip'
  note "The same quote again:"
  show 1 teller exchange grace-usd grace-krw "$PROMISE"
  says QUOTE_USED
  show 0 teller history grace-usd --limit 1
  says 'exchange_out'
  show 0 teller history grace-krw --limit 1
  says 'exchange_in'
  note "The house's side: its position, what it earned, and what rounding left"
  house_balances
  good "both legs or neither; every currency sums to zero"
}

house_balances() {
  local account
  for account in house:fx:USD:0 house:fx:KRW:1 house:spread:KRW:1 house:residue:KRW:1; do
    if "$TELLER" balance "$account" >out.txt 2>&1; then
      awk -v account="$account" '$1 == "balance" { printf "    %-22s %14s %s\n", account, $2, $3 }' out.txt
    elif [ "$account" = house:residue:KRW:1 ]; then
      note "  (rounding left nothing this time)"
    else
      fail "there is no account $account"
    fi
  done
  quietly verify --data ledger
  grep -E '^(USD|KRW): ' out.txt | sed 's/^/    /'
}

holds() {
  local expires
  heading "A hold: a shop's reservation, paid in part, and then forgotten"
  expires=$(date -u -d '+3 seconds' +%FT%TZ)
  show 0 teller hold open alice 40.00 USD --expires "$expires" --reference order-7781 --id "$RESERVATION"
  show 0 teller hold capture alice "$RESERVATION" 25.00 USD --keep
  show 0 teller balance alice
  says '15.00 USD'
  note "Nobody comes for the rest. Some seconds later:"
  until_says EXPIRED teller hold show alice "$RESERVATION"
  show 1 teller hold capture alice "$RESERVATION" USD
  says HOLD_EXPIRED
  until_says hold_expired teller history alice
  show 0 teller history alice --limit 3
  good "25.00 paid, 15.00 free again, at their second and by themselves"
}

# --- events and figures ---------------------------------------------------------------------------------

# until_idle: the subscriber has been sent everything.
until_idle() {
  local deadline=$((SECONDS + 20))
  until "$TELLER" subscriber list --json | "$PYTHON" -c 'import json, sys
one = json.load(sys.stdin)["subscribers"][0]
sys.exit(one["state"] != "idle" or one["lag"] != 0 or one["delivered"] == 0)'; do
    [ "$SECONDS" -lt "$deadline" ] || fail "the subscriber is not sent everything"
    read -rt 0.05 <> <(:) || true
  done
}

webhooks() {
  local events
  heading "Events: a webhook that is down at first"
  "$PYTHON" -c 'import secrets; print(secrets.token_hex(16))' >till.secret
  "$PYTHON" -u -B "$HERE/demo_webhook.py" till.secret till.url >webhook.txt 2>&1 &
  webhook_pid=$!
  wait_for till.url "$webhook_pid"
  show 0 teller subscriber add till "$(cat till.url)" --secret-file till.secret --from start
  until_idle
  events=$("$TELLER" subscriber list --json | "$PYTHON" -c 'import json, sys
print(json.load(sys.stdin)["subscribers"][0]["delivered"])')
  show 0 teller subscriber list
  kill -TERM "$webhook_pid"
  wait "$webhook_pid" || fail "the subscriber: $(cat webhook.txt)"
  webhook_pid=
  note "and the subscriber says (amounts in minor units):"
  sed 's/^/  /' webhook.txt
  grep -qF "  $events events" webhook.txt || fail "teller counts $events events"
  quietly subscriber remove till
  good "each event once and in order, from the very first, over two failures"
}

figures() {
  heading "Figures"
  printf '  %s$ teller metrics --text | grep …%s\n' "$BOLD" "$PLAIN"
  "$TELLER" metrics --text >metrics.txt
  grep -E '^teller_(quotes_total|commits_total|rate_stale|feed_age_seconds|holds_open)|answers_total.*(exchange|HOLD_)' metrics.txt |
    sed 's/^/    /'
  grep -q '^teller_quotes_total' metrics.txt || fail "there are no figures of quotes"
  good "every answer by its code, for a collector to read"
}

fx_desk() {
  rates
  book_value
  exchange
  bad_source
  holds
  webhooks
  figures
}
