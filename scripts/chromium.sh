#!/usr/bin/env bash
# Prints the Chromium that the browser tests use: the one named in CHROMIUM, or what the distribution has installed.
# Status 1 where there is none.
set -euo pipefail
if [ -n "${CHROMIUM:-}" ]; then
  [ -x "$CHROMIUM" ] || { printf 'CHROMIUM names %s, which is no program\n' "$CHROMIUM" >&2; exit 1; }
  printf '%s\n' "$CHROMIUM"
  exit 0
fi
command -v chromium || command -v chromium-browser || command -v google-chrome
