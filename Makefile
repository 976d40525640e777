# Flotilla's front door. `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CLIP ?= tests/media/sintel-trailer_1280x720p24_h264_aac2_52s.mp4
PROFILE ?= web
RUNNERS ?= 2
OUT ?= demo-out
FUZZ_SECONDS ?= 60
ROUNDS ?= 3
MICROBENCH ?=
ARGS ?=

CARGO ?= cargo
# What `make install` installs into.
PREFIX ?= /usr/local

##@ Look at it
.PHONY: demo
demo: release ## Transcode a real clip on this machine and say how to play it (CLIP= PROFILE= RUNNERS= OUT=)
	@rm -rf demo-out    # Only our own: OUT may name a folder that holds more than this.
	target/release/flotilla transcode "$(CLIP)" --profile "$(PROFILE)" --out "$(OUT)" --runners "$(RUNNERS)"
	@printf 'over HTTP python3 -m http.server --directory %s 8000, then play http://localhost:8000/master.m3u8\n' "$(OUT)"

##@ Build
.PHONY: install-deps install-test-deps build release install
install-deps: ## Install what is missing: FFmpeg's libraries, clang, nasm (apt; asks for sudo)
	@deploy/install-deps.sh

install-test-deps:
	@deploy/install-deps.sh --tests
	@tests/peertube/install.sh

build: install-deps ## Build both programs for development
	$(CARGO) build --workspace --bins --locked

release: install-deps ## Build both programs for use: target/release/flotilla, target/release/flotilla-runner
	$(CARGO) build --release --locked -p flotilla-coordinator -p flotilla-runner --bins
	@! grep -q FLOTILLA_TEST_DEVICE target/release/flotilla-runner || \
	  { echo "error: the device of tests is in a release build; build without debug assertions" >&2; exit 1; }

install: ## Copy the release programs to PREFIX/bin (make release first)
	install -D -m 755 -t "$(DESTDIR)$(PREFIX)/bin" target/release/flotilla target/release/flotilla-runner

##@ Check
.PHONY: test lint fmt fmt-check clippy deny doc unit journeys fuzz
test: install-test-deps lint deny doc unit ## Everything that must pass: lint, licences, docs, all tests and journeys

unit: install-test-deps build ## All tests of all crates, the journeys among them; with garage installed also against a second S3 server
	tests/s3/with-store.sh $(CARGO) test --workspace --locked

journeys: install-test-deps build ## Only the tests that run real processes on real media
	tests/s3/with-store.sh $(CARGO) test --locked -p flotilla-tests

fuzz: install-deps ## Throw nonsense at our own parsers, FUZZ_SECONDS (60) each; needs no nightly compiler
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh

lint: fmt-check clippy ## Formatting and clippy, warnings denied

fmt: ## Format all code
	$(CARGO) fmt --all
	rustfmt --edition 2024 tests/fuzz/fuzz_targets/*.rs

fmt-check:
	@$(CARGO) fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	$(CARGO) fmt --all --check
	rustfmt --edition 2024 --check tests/fuzz/fuzz_targets/*.rs

clippy: install-deps
	@$(CARGO) clippy --version >/dev/null 2>&1 || rustup component add clippy
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	tests/fuzz/run.sh --check

deny: ## Licences, sources and known flaws of all dependencies (cargo-deny)
	@deploy/check-dependencies.sh

doc: install-deps ## Build the documentation of all crates, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

##@ Measure
.PHONY: bench
bench: release ## What a ladder costs beside one ffmpeg and beside PeerTube's stock runner; nothing else should run (CLIP= ROUNDS=)
	$(CARGO) run --quiet --release --locked -p flotilla-benches --bin fleet -- --rounds $(ROUNDS) "$(CLIP)"

.PHONY: microbench
microbench: install-deps ## Planner, store, fragment writer, pipe protocol alone (MICROBENCH=--quick, or a name)
	$(CARGO) bench --locked -p flotilla-benches --bench coordinator --bench engine -- $(MICROBENCH)

.PHONY: simulate
simulate: ## Fleets of 1 to 256 runners in virtual time: makespan over the least possible (ARGS= for the program, e.g. queue)
	$(CARGO) run --release --locked -p flotilla-benches --bin simulation -- --svg docs/images/simulation.svg $(ARGS)

##@ Tidy
.PHONY: clean
clean: ## Remove what was built and what the demo made
	$(CARGO) clean
	rm -rf demo-out

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
