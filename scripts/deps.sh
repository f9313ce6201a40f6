#!/usr/bin/env bash
# Installs or names what building and testing need beyond Rust. With REQUIRE_BROWSER=1 nothing may be left out.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf '%s\n' "$*"; }

node_is_new_enough() {
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  say "Node.js 20.19 or later with npm is missing: install it from nodejs.org or your distribution, then run this again"
  exit 1
fi
if ! node_is_new_enough; then
  say "Node.js is $(node --version), but the web app needs 20.19 or later: install that from nodejs.org or your distribution"
  exit 1
fi

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# Installs packages of the distribution; their names are the arguments. What they say is shown only where that fails.
install_packages() {
  log=$(mktemp)
  if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"; } >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log"
  rm -f "$log"
  return 1
}

if ! command -v ip >/dev/null || ! command -v nft >/dev/null; then
  if may_install; then
    say "installing iproute2 and nftables from the distribution, for tests with several hosts"
    install_packages iproute2 nftables || say "they could not be installed, so tests with several hosts will be skipped"
  else
    say "ip or nft is missing, so tests with several hosts will be skipped: install them (Debian: apt-get install iproute2 nftables)"
  fi
fi

has_rsyslog() { [ -x /usr/sbin/rsyslogd ] && compgen -G '/usr/lib*/**/rsyslog/omelasticsearch.so' >/dev/null; }

if ! has_rsyslog; then
  if may_install; then
    say "installing rsyslog from the distribution, for the tests with real clients"
    install_packages rsyslog rsyslog-elasticsearch || say "it could not be installed, so its test will be skipped"
  else
    say "rsyslog or its omelasticsearch is missing, so its test will be skipped: install them (Debian: apt-get install rsyslog rsyslog-elasticsearch)"
  fi
fi

if [ ! -d /usr/share/mecab/dic/ipadic ]; then
  if may_install; then
    say "installing mecab-ipadic from the distribution, for the tests of Japanese"
    install_packages mecab-ipadic || say "it could not be installed, so tests of Japanese will be skipped"
  else
    say "mecab-ipadic is missing, so tests of Japanese will be skipped: install it (Debian: apt-get install mecab-ipadic)"
  fi
fi

./chromium.sh >/dev/null && exit 0
if may_install; then
  say "installing Chromium from the distribution, for the browser tests"
  install_packages chromium fonts-noto-cjk && exit 0
fi
if [ "${REQUIRE_BROWSER:-0}" = 1 ]; then
  say "Chromium is missing and REQUIRE_BROWSER asks for it: install it (Debian: apt-get install chromium fonts-noto-cjk), or name one in CHROMIUM"
  exit 1
fi
say "Chromium is missing, so the browser tests will be skipped: install it (Debian: apt-get install chromium fonts-noto-cjk), or name one in CHROMIUM"
