#!/usr/bin/env bash
# Installs or names what building and testing need beyond Rust.
set -euo pipefail

say() { printf '%s\n' "$*"; }

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  say "Node.js 20.19 or later with npm is missing: install it from nodejs.org or your distribution, then run this again"
  exit 1
fi

if command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "installing Chromium from the distribution, for the browser tests"
  apt-get update -qq >/dev/null 2>&1 || true
  if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null 2>&1; then
    exit 0
  fi
fi
say "Chromium is missing, so the browser tests will be skipped: install it (Debian: apt-get install chromium fonts-noto-cjk)"
