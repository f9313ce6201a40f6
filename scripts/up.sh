#!/usr/bin/env bash
# Builds what is missing and starts everything on loopback: search-node, shipper, dashboard and the four beats, with the
# files in config/ and data under data/. Ctrl-C stops it all. `PROFILE=debug scripts/up.sh` starts the debug programs;
# BUILD=0 takes them as they are.
set -uo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
bin=target/$profile
programs=(search-node shipper dashboard file-beat metric-beat packet-beat heartbeat)
declare -A pids=()

say() { printf '%s\n' "$*"; }

# A program of an earlier start that still runs is named, not started again.
running() { [ -f "data/$1.pid" ] && kill -0 "$(cat "data/$1.pid")" 2>/dev/null && grep -qa "$1" "/proc/$(cat "data/$1.pid")/cmdline" 2>/dev/null; }

already=()
for program in "${programs[@]}"; do running "$program" && already+=("$program (process $(cat "data/$program.pid"))"); done
if [ ${#already[@]} -gt 0 ]; then
  say "already running from this folder: $(IFS=,; echo "${already[*]}" | sed 's/,/, /g')"
  say "the dashboard is at http://127.0.0.1:5601; stop the other \`make up\` with Ctrl-C before you start again"
  exit 1
fi

flag=--release
[ "$profile" = debug ] && flag=
if [ "${BUILD:-1}" = 1 ] && ! DASHBOARD_UI=build cargo build $flag --workspace --bins --quiet; then
  say "the build failed; what is missing stands above"
  exit 1
fi

mkdir -p data/log data/demo
touch data/demo/access.log

# Longer than any program's own patience with its last events, which is 30 s (shutdown.timeout of the shipper).
patience=40

stop() {
  trap - INT TERM EXIT
  say ""
  say "stopping"
  # Senders first, so that they hand over what they hold while their receivers still answer.
  for program in file-beat metric-beat packet-beat heartbeat shipper dashboard search-node; do
    pid=${pids[$program]:-}
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
      kill -TERM "$pid" 2>/dev/null
      for _ in $(seq $((patience * 10))); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
      kill -0 "$pid" 2>/dev/null && { say "$program did not stop in $patience s and is ended"; kill -KILL "$pid" 2>/dev/null; }
    fi
    rm -f "data/$program.pid"
  done
  [ -n "${demo:-}" ] && kill "$demo" 2>/dev/null
  wait 2>/dev/null
  exit "${1:-0}"
}
trap 'stop 0' INT TERM
trap 'stop 1' EXIT

start() {
  local program=$1
  shift
  # A process group of its own: Ctrl-C reaches this script alone, which then stops them in order.
  setsid "$bin/$program" "$@" >"data/log/$program.log" 2>&1 &
  pids[$program]=$!
  echo "${pids[$program]}" >"data/$program.pid"
}

# One line a program: its own words when it is ready, or its last words when it is not.
ready() {
  local program=$1 limit=$2
  for _ in $(seq $((limit * 20))); do
    if ! kill -0 "${pids[$program]}" 2>/dev/null; then
      say "✗ $program: $(tail -n 1 "data/log/$program.log" | sed 's/^'"$program"': //')"
      rm -f "data/$program.pid"
      return 1
    fi
    local line
    line=$(grep -m1 -oE "$program is ready.*" "data/log/$program.log" | sed 's/\x1b\[[0-9;]*m//g')
    if [ -n "$line" ]; then
      say "✓ $line"
      return 0
    fi
    sleep 0.05
  done
  say "✗ $program is not ready after $limit s; see data/log/$program.log"
  return 1
}

# The port by name: left to itself the node takes the next free one, and everything else would feed whoever is on 9200.
start search-node -E http.port=9200
ready search-node 30 || stop 1
start shipper
ready shipper 30
start dashboard
ready dashboard 30
for program in file-beat metric-beat packet-beat heartbeat; do start "$program"; done
for program in file-beat metric-beat packet-beat heartbeat; do ready "$program" 30; done

# A request to the dashboard every few seconds, written as a web server writes it, so that the road from an access log
# to the screen can be seen on a host without a web server. DEMO=0 leaves it out.
if [ "${DEMO:-1}" = 1 ]; then
  scripts/demo-access-log.sh >>data/demo/access.log &
  demo=$!
fi

say ""
say "the dashboard is at http://127.0.0.1:5601   (Ctrl-C stops everything; logs are in data/log)"

# Whoever ends on its own is named; the others go on.
while true; do
  for program in "${!pids[@]}"; do
    if ! kill -0 "${pids[$program]}" 2>/dev/null; then
      [ -f "data/$program.pid" ] && say "✗ $program ended: $(tail -n 1 "data/log/$program.log")"
      rm -f "data/$program.pid"
      unset "pids[$program]"
    fi
  done
  sleep 1 &
  wait $!
done
