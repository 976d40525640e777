#!/bin/sh
# Rust's compiler as cargo calls it (RUSTC_WRAPPER), with libFuzzer's instrumentation for our own crates alone: those of
# others are built once for tests and fuzzing, and their branches would only distract.
compiler=$1
shift
case " $* " in
*" --crate-name flotilla_"* | *"fuzz_targets/"*)
  exec "$compiler" "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
  ;;
esac
exec "$compiler" "$@"
