# up · test · bench · lint · fmt. Each installs or names what it lacks.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export CARGO_TERM_COLOR ?= auto
# Our test servers are on loopback; a proxy of the environment has no business there.
export NO_PROXY := 127.0.0.1,localhost

WEB := dashboard/web
# Backtraces of a failing test are long and seldom help; RUST_BACKTRACE=1 brings them back.
export RUST_BACKTRACE ?= 0

.PHONY: peers differential torture races gaps planted fuzz help up build test test-rust test-web lint lint-rust lint-licences fmt bench crash lines deps

help:
	@echo "make up      build what is missing and start everything on loopback; Ctrl-C stops it"
	@echo "make test    run every test"
	@echo "make lint    formatting, lints, licences"
	@echo "make bench   benchmarks, as ratios in one run; beside OpenSearch where ../shared/peers is"
	@echo "make crash   kill -9 of the node 200 times under load"
	@echo "make torture a power cut at every place between two changes of a shard and of its recovery, every call of its disk failing once, thousands of damages to its files; the same for the log of the consensus, 2000 seeds of a cluster, and 100 runs of three nodes in which much goes wrong"
	@echo "make races   2 to 5 nodes started at once, 200 times"
	@echo "make gaps    how long nobody can write after the node that leads is killed, frozen or cut off, 20 times each"
	@echo "make planted bugs planted in the nodes of a cluster, each of which the tests must find"
	@echo "make fuzz    foreign bytes for FUZZ_SECONDS (600) to each of FUZZ_TARGETS; installs cargo-fuzz, see fuzz/README.md"
	@echo "make peers   builds the real Beats of ../shared/peers, with which some tests are done; takes minutes, and Go"
	@echo "make differential thousands of random requests (PEERS_REQUESTS, PEERS_SEED) to the node and to a real OpenSearch, with the first differences of each kind, shrunk; the ranking of real prose, and the scenarios, on both"
	@echo "make lines   a million lines from a file into the node, rotated and killed on the way"

up:
	@scripts/up.sh

# Programs of the checkout, fast ones.
build:
	cargo build --release --workspace --bins

test: deps test-rust test-web
	@scripts/skipped.sh

# The black-box tests start the programs, so these are built first, with the real web app inside the dashboard.
test-rust:
	@mkdir -p target
	DASHBOARD_UI=build cargo build --workspace --bins
	DASHBOARD_UI=build cargo test --workspace --no-fail-fast -- --nocapture 2>&1 | tee target/test.log | scripts/condense.sh
	cargo test -p shard --features japanese-korean --test dictionaries -- --nocapture 2>&1 | tee -a target/test.log | scripts/condense.sh

test-web:
	cd $(WEB) && npm ci --ignore-scripts --no-audit --no-fund
	cd $(WEB) && npm run check && npm run test && npm run build && npm run size

lint: lint-rust lint-licences

lint-rust:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

# Of the crates and of the web app's packages.
lint-licences:
	cargo test --quiet -p system-tests --test tidy licences

fmt:
	cargo fmt --all

bench:
	cargo build --release --workspace --bin search-node
	cargo bench --workspace --bench bulk
	cargo bench --workspace --bench engine
	cargo bench --workspace --bench mapping
	cargo bench --workspace --bench analysis
	cargo bench --workspace --bench start
	cargo bench --workspace --bench cluster
	cargo bench --workspace --bench beside
	cargo bench --workspace --bench search
	cargo bench --workspace --bench logs
	cargo bench --workspace --bench clients

peers:
	@for beat in filebeat metricbeat; do ../shared/peers/go-tool beats github.com/elastic/beats/v7/$$beat -ldflags '-s -w'; done

differential:
	cargo build --release --workspace --bin search-node
	PEERS_REQUESTS=$${PEERS_REQUESTS:-5000} PEERS_SHOWN=$${PEERS_SHOWN:-2} PEERS_SCENARIOS=all cargo test --release -p system-tests --test peers -- --nocapture

crash:
	cargo build --release --workspace --bin search-node
	CRASH_ROUNDS=200 cargo test --release --workspace --test api crash -- --nocapture

torture:
	POWER_STRIDE=1 POWER_SEEDS=3 POWER_OPERATIONS=200 FAULT_CALLS=1000000 HOSTILE_ROUNDS=5000 cargo test --release -p shard --test power_loss --test hostile -- --nocapture
	RAFT_CUT_SCRIPTS=40 RAFT_CUT_SEEDS=4 RAFT_CUT_STEPS=80 RAFT_DAMAGE_ROUNDS=20000 CONSENSUS_SEEDS=2000 cargo test --release -p consensus -- --nocapture
	cargo build --release --workspace --bin search-node
	TORTURE_RUNS=100 TORTURE_LOGS=target/torture cargo test --release -p system-tests --test cluster torture:: -- --nocapture

races:
	cargo build --release --workspace --bin search-node
	RACE_ROUNDS=200 cargo test --release -p system-tests --test cluster races -- --nocapture

gaps:
	cargo build --release --workspace --bin search-node
	GAP_ROUNDS=20 cargo test --release -p system-tests --test cluster gaps -- --nocapture

planted:
	cargo build --workspace --bin search-node --features search-node/planted
	cargo test -p system-tests --test cluster planted -- --ignored --nocapture

fuzz:
	@scripts/fuzz.sh

lines:
	DASHBOARD_UI=build cargo build --release --workspace --bins
	LINES=1000000 cargo test --release -p system-tests --test e2e every_line -- --nocapture

# What the tests need beyond Rust: Node.js for the web app, Chromium for the pages.
deps:
	@scripts/deps.sh
