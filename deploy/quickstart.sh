#!/bin/bash
# The whole way in one go: install what is missing, build, start a server and a monitor, train a
# model of house prices, evaluate, deploy, predict, and show what the monitor saw.
#   deploy/quickstart.sh [--keep]
# --keep leaves the server and the monitor running and prints the page's address.
set -euo pipefail
cd "$(dirname "$0")/.."

keep=no
case ${1-} in
'') ;;
--keep) keep=yes ;;
*)
    echo "usage: deploy/quickstart.sh [--keep]" >&2
    exit 2
    ;;
esac

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

work=$(mktemp -d "${TMPDIR:-/tmp}/trivet-quickstart.XXXXXX")
pids=()
finish() {
    status=$?
    if [ $status -ne 0 ]; then
        tail -n 20 "$work"/*.log 2>/dev/null || true
        echo "quickstart: failed (logs in $work)" >&2
        keep=no
    fi
    if [ $keep = no ]; then
        # The monitor first: it watches the server.
        for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
            kill "${pids[i]}" 2>/dev/null || true
            wait "${pids[i]}" 2>/dev/null || true
        done
        [ $status -ne 0 ] || rm -rf "$work"
    fi
    exit $status
}
trap finish EXIT

# start NAME COMMAND…: runs it, waits for its line beginning 'ready', which it leaves in $ready.
start() {
    local name=$1
    shift
    : >"$work/$name.out"
    "$@" >"$work/$name.out" 2>"$work/$name.log" &
    pids+=($!)
    for _ in $(seq 300); do
        ready=$(grep -m1 '^ready' "$work/$name.out" || true)
        [ -z "$ready" ] || return 0
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "quickstart: $name did not start" >&2
    return 1
}
field() { sed -n "s/.* $1=\([^ ]*\).*/\1/p" <<<"$2"; }

say "packages"
deploy/install-deps.sh
echo "all there"

say "build"
cmake --preset release -DTRIVET_TESTS=OFF -B build/quickstart >"$work/build.log" 2>&1
cmake --build build/quickstart --target trivetd trivet trivet-monitor >>"$work/build.log" 2>&1
bin=$PWD/build/quickstart/bin
"$bin/trivetd" --version

say "start"
start trivetd "$bin/trivetd" --data-dir "$work/data" --listen tcp://127.0.0.1:0 \
    --events tcp://127.0.0.1:0 --http 127.0.0.1:0
export TRIVET_SERVER
TRIVET_SERVER=$(field listen "$ready")
events=$(field events "$ready")
metrics=$(field http "$ready")metrics
echo "trivetd         $TRIVET_SERVER, events $events, $metrics"
start trivet-monitor "$bin/trivet-monitor" --server "$TRIVET_SERVER" --events "$events" \
    --http 127.0.0.1:0 --history "$work/monitor.db"
page=$(field http "$ready")
echo "trivet-monitor  $page"

say "data: house prices, with noise, missing values and a category"
rows=2000
expected=$(/usr/bin/python3 deploy/house_prices.py 5000 1 2>&1 >"$work/houses.csv")
/usr/bin/python3 deploy/house_prices.py 2000 2 >"$work/later.csv" 2>/dev/null
/usr/bin/python3 deploy/house_prices.py $rows 3 2>/dev/null | cut -d, -f1-3 >"$work/new.csv"
head -4 "$work/houses.csv"
echo "…"
echo "R² that the noise allows: ${expected#*=}"

say "train"
"$bin/trivet" train house-prices --data "$work/houses.csv" --target price --cross-validate 5

say "evaluate on later data"
"$bin/trivet" evaluate house-prices:1 --data "$work/later.csv"
r2=$("$bin/trivet" evaluate house-prices:1 --data "$work/later.csv" 2>/dev/null |
    awk -F, '$3 == "r2" { printf "%.4f", $4 }')

say "deploy"
"$bin/trivet" deploy house-prices 1 --require 'r2>=0.8'

say "predict"
"$bin/trivet" predict house-prices --data "$work/new.csv" --output "$work/predictions.csv"
paste -d, "$work/new.csv" <(cut -d, -f2 "$work/predictions.csv") | sed -n 1,4p
echo "…"

say "what the monitor saw"
/usr/bin/python3 - "$page" "$rows" <<'PYTHON' | tee "$work/seen"
import json, sys, time, urllib.request
page, rows = sys.argv[1], int(sys.argv[2])
for _ in range(100):
    with urllib.request.urlopen(page + "api/v1/overview", timeout=10) as reply:
        seen = json.load(reply)
    versions = [m for m in seen["models"] if m["model"] == "house-prices"]
    if sum(m["predictions"] for m in versions) == rows:
        break
    time.sleep(0.1)
else:
    sys.exit("the monitor does not count the %d predictions: %s" % (rows, versions))
for m in versions:
    print("%s:%d  %d predictions, %d failed rows, %d failed calls, p99 %.0f µs" % (
        m["model"], m["version"], m["predictions"], m["failed_rows"], m["failed_calls"],
        m["latency_us"]["total"]["p99"]))
print("events seen: %d, lost: %d" % (seen["events_received"], seen["lost_events"]))
PYTHON
seen=$(sed -n 's/events seen: \([0-9]*\),.*/\1/p' "$work/seen")

/usr/bin/python3 - "$r2" "${expected#*=}" <<'PYTHON'
import sys
r2, expected = map(float, sys.argv[1:])
if abs(r2 - expected) > 0.03:
    sys.exit("R² is %.4f, the noise allows %.4f" % (r2, expected))
PYTHON

if [ $keep = yes ]; then
    say "left running"
    echo "page:    $page"
    echo "client:  TRIVET_SERVER=$TRIVET_SERVER $bin/trivet status"
    echo "stop:    kill ${pids[*]}; then remove $work"
    disown -a
fi
echo
echo "quickstart: ok model=house-prices version=1 r2=$r2 predictions=$rows events=$seen"
