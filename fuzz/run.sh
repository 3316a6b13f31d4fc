#!/bin/sh
# Builds the fuzz targets, gives each its seeds, runs one after the other and prints a table. Run it from anywhere.
#
# FUZZ_SECONDS (60) is the time for each target, FUZZ_TARGETS (all) their names. FUZZ_TARGET_DIR (fuzz/target) is where
# it is built. What a target finds stays in fuzz/corpus, inputs that fail are in fuzz/artifacts.
set -eu
export LC_ALL=C

target_dir=${FUZZ_TARGET_DIR:-$(dirname "$0")/target}
case $target_dir in
/*) ;;
*) target_dir=$PWD/$target_dir ;;
esac
cd "$(dirname "$0")"

seconds=${FUZZ_SECONDS:-60}
all=$(cd fuzz_targets && echo *.rs)
all=$(for file in $all; do echo "${file%.rs}"; done)
targets=${FUZZ_TARGETS:-$all}

# One input may take this long, and the whole process this much memory; what one call may take is up to the targets.
timeout_seconds=10
process_mb=512

for target in $targets; do
  [ -f "fuzz_targets/$target.rs" ] || { echo "no fuzz target $target; there are:" $all >&2; exit 2; }
done

command -v cargo >/dev/null 2>&1 || { echo "cargo not found: install Rust 1.90 or newer with rustup" >&2; exit 1; }
command -v "${CXX:-c++}" >/dev/null 2>&1 || {
  echo "${CXX:-c++} not found: libFuzzer needs a C++ compiler (Debian: g++)" >&2
  exit 1
}
host=$(rustc -vV | sed -n 's/^host: //p')

# The seeds come from a plain build: only a fuzz target has what the instrumented code calls.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR
cargo build --release --target-dir "$target_dir" --bin seeds
"$target_dir/release/seeds" corpus

# What libFuzzer needs of the compiler: counters of edges, their places, and the operands of comparisons. With
# `--target`, build scripts and macros go without.
RUSTFLAGS="-Cpasses=sancov-module -Ccodegen-units=1
  -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
  -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS=$(echo $RUSTFLAGS)
export RUSTFLAGS
set -- # The targets to build, as arguments.
for target in $targets; do set -- "$@" --bin "$target"; done
cargo build --release --target-dir "$target_dir" --target "$host" "$@"

logs=$target_dir/logs
mkdir -p "$logs"
table=$logs/table
echo "target executions edges seconds result" >"$table"
failed=0
for target in $targets; do
  mkdir -p "corpus/$target" "artifacts/$target"
  log=$logs/$target.log
  echo "== $target, $seconds s"
  result=ok
  "$target_dir/$host/release/$target" "corpus/$target" -max_total_time="$seconds" -timeout=$timeout_seconds \
    -rss_limit_mb=$process_mb -max_len=65536 -print_final_stats=1 -verbosity=1 \
    -artifact_prefix="artifacts/$target/" >"$log" 2>&1 || result=failed
  grep '^header hash passed: ' "$log" | tail -n 1 || true
  passed=$(sed -n 's/^header hash passed: \([0-9]*\) of \([0-9]*\) runs$/\1 \2/p' "$log" | tail -n 1)
  if [ -n "$passed" ] && [ "$result" = ok ]; then
    set -- $passed
    [ $((2 * $1)) -ge "$2" ] || result=hash
  fi
  case $result in
  failed) tail -n 40 "$log" ;;
  hash) echo "$target: fewer than half of the runs pass the header hash" ;;
  esac
  [ "$result" = ok ] || failed=1
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  took=$(sed -n 's/^Done [0-9]* runs in \([0-9]*\) second.*/\1/p' "$log")
  echo "$target ${executions:--} ${edges:--} ${took:--} $result" >>"$table"
done
echo
awk '{ printf "%-20s %12s %8s %8s  %s\n", $1, $2, $3, $4, $5 }' "$table"
exit $failed
