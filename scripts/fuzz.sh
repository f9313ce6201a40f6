#!/usr/bin/env bash
# Runs the fuzzers, each for FUZZ_SECONDS (600), from the committed corpus. FUZZ_TARGETS names fewer of them.
# What is new is kept in fuzz/found/, what broke a promise in fuzz/artifacts/.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*"; }

if ! command -v cargo-fuzz >/dev/null; then
  say "installing cargo-fuzz from crates.io: cargo install cargo-fuzz --locked"
  cargo install cargo-fuzz --locked --quiet
fi

# The shards that are tried lie in memory where that is possible, and are gone afterwards.
parent=/dev/shm
[ -d "$parent" ] && [ -w "$parent" ] || parent=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$parent/weir-fuzz-XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

broken=()
# What must not take long is held to its time in a build that nobody watches, with many large inputs.
say "timing what a search is said in"
FUZZ_ROUNDS=${FUZZ_ROUNDS:-20000} FUZZ_LARGE=${FUZZ_LARGE:-3000} \
  cargo test --release -p fuzz-targets --test short -- any_query any_regular any_pattern any_template any_search || broken+=(timing)
# Coverage, and the checks of overflows and of what is taken for granted, make it slower.
export FUZZ_TIME_FACTOR=${FUZZ_TIME_FACTOR:-4}

for target in ${FUZZ_TARGETS:-analysis bulk dates document formats mustache query query_string regexp wildcard translog state_files}; do
  say "fuzzing $target for ${FUZZ_SECONDS:-600} s"
  mkdir -p "fuzz/found/$target"
  log=fuzz/found/$target.log
  # Some have words of their own beside those that all have.
  cat fuzz/dictionary fuzz/dictionary-"$target" >"$TMPDIR/words" 2>/dev/null || true
  # What takes long shows where there is much of it.
  case $target in
  mustache | query | query_string | regexp | wildcard) length=65536 ;;
  *) length=4096 ;;
  esac
  # Without a sanitizer the stable compiler suffices: the code that is tried has no unsafe of its own.
  if ! cargo fuzz run --sanitizer none "$target" "fuzz/found/$target" "fuzz/corpus/$target" -- \
    -max_total_time="${FUZZ_SECONDS:-600}" -max_len="$length" -timeout=20 -rss_limit_mb=2048 \
    -dict="$TMPDIR/words" -print_final_stats=1 >"$log" 2>&1; then
    broken+=("$target")
    grep -E "panicked at|ERROR|Test unit written|deadly signal" -A 3 "$log" || tail -n 20 "$log"
  fi
  grep -E "DONE|stat::number_of_executed_units|stat::peak_rss_mb" "$log" || true
done

if [ ${#broken[@]} -gt 0 ]; then
  say "broken: ${broken[*]}; the logs are fuzz/found/<target>.log, the inputs lie in fuzz/artifacts/"
  exit 1
fi
