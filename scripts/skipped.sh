#!/usr/bin/env bash
# The last word of `make test`: what was skipped, and how much passed.
set -euo pipefail
log=target/test.log
skipped=$(grep -cE '^SKIPPED: |[^A-Z]SKIPPED: ' "$log" || true)
passed=$(awk '/^test result:/ { sum += $4 } END { print sum + 0 }' "$log")
failed=$(awk '/^test result:/ { sum += $6 } END { print sum + 0 }' "$log")
if [ "$skipped" -gt 0 ]; then
  grep -hoE 'SKIPPED: .*' "$log" | sort | uniq -c
fi
echo "rust: $passed passed, $failed failed, $skipped skipped"
