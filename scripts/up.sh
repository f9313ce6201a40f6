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
left=()
for program in "${programs[@]}"; do
  running "$program" && already+=("$program (process $(cat "data/$program.pid"))") && left+=("$(cat "data/$program.pid")")
done
if [ ${#already[@]} -gt 0 ]; then
  say "already running from this folder: $(IFS=,; echo "${already[*]}" | sed 's/,/, /g')"
  if running up; then
    say "stop the other \`make up\` (process $(cat data/up.pid)) with Ctrl-C before you start again"
  else
    say "the \`make up\` that started them is gone; end them with \`kill ${left[*]}\` before you start again"
  fi
  exit 1
fi

flag=--release
[ "$profile" = debug ] && flag=
[ "${BUILD:-1}" = 1 ] && say "building what is missing; the first time that takes some ten minutes on two cores"
if [ "${BUILD:-1}" = 1 ] && ! DASHBOARD_UI=build cargo build $flag --workspace --bins --quiet; then
  say "the build failed; what is missing stands above"
  exit 1
fi

mkdir -p data/log data/demo
touch data/demo/access.log
echo $$ >data/up.pid
# What the shell itself says of ended jobs; how a program ended is told below in one line.
exec 2>data/log/up.log

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
  rm -f data/up.pid
  wait 2>/dev/null
  exit "${1:-0}"
}
trap 'stop 0' INT TERM
trap 'stop 1' EXIT

start() {
  local program=$1
  shift
  # The log begins empty before the program does, and as a new file, so that every line in it is this program's own.
  rm -f "data/log/$program.log"
  : >"data/log/$program.log"
  # A process group of its own: Ctrl-C reaches this script alone, which then stops them in order.
  setsid "$bin/$program" "$@" >>"data/log/$program.log" 2>&1 &
  pids[$program]=$!
  echo "${pids[$program]}" >"data/$program.pid"
}

alive() { kill -0 "${pids[$1]}" 2>/dev/null; }

# How a program ended, and why where it said so itself: a refusal begins with its name. Any other last line of a log
# is only what it did last.
ended() {
  local program=$1 status how why
  wait "${pids[$program]}" 2>/dev/null
  status=$?
  if [ $status -gt 128 ]; then how="killed by signal $((status - 128))"; else how="exit status $status"; fi
  why=$(grep -a "^$program: " "data/log/$program.log" | tail -n 1 | sed "s/^$program: //")
  say "✗ $program ended ($how): ${why:-see data/log/$program.log}"
  rm -f "data/$program.pid"
  unset "pids[$program]"
}

# One line a program: its own words when it is ready, or how it ended when it is not.
ready() {
  local program=$1 limit=$2 line why
  for _ in $(seq $((limit * 20))); do
    line=$(grep -a -m1 -oE "$program is ready.*" "data/log/$program.log" | sed 's/\x1b\[[0-9;]*m//g')
    # Looked at after the line: a program that ended since is not ready.
    if ! alive "$program"; then
      ended "$program"
      return 1
    fi
    if [ -n "$line" ]; then
      say "✓ $line"
      return 0
    fi
    sleep 0.05
  done
  # What it waits for, where it has said so.
  why=$(grep -a ' WARN ' "data/log/$program.log" | tail -n 1 | sed 's/\x1b\[[0-9;]*m//g; s/^.* WARN *//')
  say "✗ $program is not ready after $limit s: ${why:-see data/log/$program.log}"
  return 1
}

# The port by name: left to itself the node takes the next free one, and everything else would feed whoever is on 9200.
start search-node -E http.port=9200
ready search-node 30 || stop 1
start shipper
ready shipper 30
start dashboard
dashboard=no
ready dashboard 30 && dashboard=yes
for program in file-beat metric-beat packet-beat heartbeat; do start "$program"; done
for program in file-beat metric-beat packet-beat heartbeat; do ready "$program" 30; done

# A request to the dashboard every few seconds, written as a web server writes it, so that the road from an access log
# to the screen can be seen on a host without a web server. DEMO=0 leaves it out.
if [ "${DEMO:-1}" = 1 ]; then
  scripts/demo-access-log.sh "$$" >>data/demo/access.log &
  demo=$!
fi

say ""
if [ "$dashboard" = yes ]; then
  say "the dashboard is at http://127.0.0.1:5601   (Ctrl-C stops everything; logs are in data/log)"
else
  say "the dashboard did not start, the others go on   (Ctrl-C stops everything; logs are in data/log)"
fi

# Whoever ends on its own is named; the others go on.
while true; do
  for program in "${!pids[@]}"; do alive "$program" || ended "$program"; done
  sleep 1 &
  wait $!
done
