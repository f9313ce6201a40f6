#!/usr/bin/env bash
# Asks the programs of `make up` for a page now and then and writes what happened in the combined log format.
set -u
targets=("5601 /" "5601 /api/status" "9200 /_cluster/health" "9200 /_cat/indices" "9600 /_node/stats" "5601 /assets/missing.js")
agents=("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" "curl/8.5.0" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36")
# Told by who starts it: a parent that was gone before this line ran would be taken for another process.
parent=${1:-$PPID}
# The pause is a process too, and must not stay behind.
trap 'kill "${pause:-}" 2>/dev/null; exit 0' TERM
while kill -0 "$parent" 2>/dev/null; do
  read -r port path <<<"${targets[RANDOM % ${#targets[@]}]}"
  agent=${agents[RANDOM % ${#agents[@]}]}
  answer=$(curl -s -o /dev/null -m 5 -A "$agent" -w '%{http_code} %{size_download}' "http://127.0.0.1:$port$path" || true)
  printf '127.0.0.1 - - [%s] "GET %s HTTP/1.1" %s "http://127.0.0.1:5601/" "%s"\n' \
    "$(date '+%d/%b/%Y:%H:%M:%S %z')" "$path" "${answer:-502 0}" "$agent"
  sleep 2 &
  pause=$!
  wait "$pause"
done
