#!/usr/bin/env bash
# Runs every fuzz target, two at a time, FUZZ_SECONDS (60) each; fails when one finds something. Works on a stable
# compiler: libFuzzer's instrumentation is passed to it by rustc.sh, and no sanitizer is needed where nothing is unsafe.
# With --check it only sees that they compile, without a warning.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${FUZZ_SECONDS:-60}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target}
work=$CARGO_TARGET_DIR/fuzz
# The very versions that the product has.
cp ../../Cargo.lock Cargo.lock
if [ "${1:-}" = --check ]; then
  exec cargo clippy --bins -- -D warnings
fi
export RUSTC_WRAPPER=$PWD/rustc.sh
cargo build --bins

# What libFuzzer finds on the way is kept there from run to run; the seeds in corpus/ are only read.
fuzz() {
  mkdir -p "$work/corpus/$1" "$work/findings"
  if "$CARGO_TARGET_DIR/debug/$1" "$work/corpus/$1" "corpus/$1" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=1024 -artifact_prefix="$work/findings/$1-" >"$work/$1.log" 2>&1; then
    echo "fuzz $1: $(grep -c . "$work/$1.log") lines of log, $(tail -1 "$work/$1.log")"
  else
    tail -40 "$work/$1.log"
    echo "error: fuzz target $1 found something; the input lies in $work/findings" >&2
    return 1
  fi
}
export -f fuzz
export seconds work

if [ $# -eq 0 ]; then
  set -- $(basename -s .rs fuzz_targets/*.rs)
fi
printf '%s\n' "$@" | xargs -P 2 -I{} bash -euo pipefail -c 'fuzz {}'
