# The one entry for people and for CI. `make` lists the targets.

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Relative names are targets, absolute ones go to the programs: make cannot have a target with a space in its name.
VENV_BIN := $(CURDIR)/.venv/bin
VENV_PYTHON := $(VENV_BIN)/python
BENCH_TEXT := target/bench-data/text.bin
BENCH_MESSAGES := target/bench-data/messages.bin
BENCH_PAGES := $(BENCH_TEXT) target/bench-data/code.bin target/bench-data/events.bin
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),$(CURDIR)/target)
CODECS := zstd brotli snappy

.PHONY: help demo test test-loaders torture fuzz lint bench bench-peers bench-loaders wheel install clean venv need-cargo need-crates need-lints

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

demo: install ## build the command and the Python package, and run both on the files in tests/data
	WINDROW="$(CURDIR)/.venv/bin/windrow" tools/demo.sh
	"$(VENV_PYTHON)" tools/demo.py

test: install ## run all tests, also against the upstream Python package
	WINDROW_PYTHON="$(VENV_PYTHON)" cargo test --workspace --exclude windrow-python
	"$(VENV_PYTHON)" -m pytest python/tests

test-loaders: wheel .venv-loaders/stamp ## test the Python package under Grain and torch (gigabytes of packages)
	$(call INSTALL_WHEEL,.venv-loaders)
	"$(CURDIR)/.venv-loaders/bin/python" -m pytest tests/loaders

# SEED=... gives other cases.
torture: need-cargo ## flip 2,000 bits and cut 2,000 files, of records and of columns, and kill 200 writers
	cargo run --release -p windrow-tests --bin torture -- $(or $(SEED),1)

# FUZZ_SECONDS=... gives each target more than a minute, FUZZ_TARGETS=... names those to run.
fuzz: need-cargo ## run each fuzz target for a minute (needs a C++ compiler)
	FUZZ_TARGET_DIR="$(TARGET_DIR)/fuzz" FUZZ_SECONDS="$(FUZZ_SECONDS)" FUZZ_TARGETS="$(FUZZ_TARGETS)" fuzz/run.sh

wheel: need-cargo venv ## build the Python package into target/wheels
	rm -rf target/wheels
	cd python && "$(VENV_BIN)/maturin" build --release --out "$(CURDIR)/target/wheels"

install: wheel ## install the Python package into .venv
	$(call INSTALL_WHEEL,.venv)

lint: need-cargo need-lints ## check format, lints, documentation and each codec alone
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace
	cargo clippy -p windrow-format --no-default-features -- -D warnings
	@set -e; for codec in $(CODECS); do \
	  echo "cargo clippy -p windrow-format --no-default-features --features $$codec -- -D warnings"; \
	  cargo clippy -p windrow-format --no-default-features --features "$$codec" -- -D warnings; \
	done

bench: need-cargo $(BENCH_PAGES) $(BENCH_MESSAGES) ## measure reading and writing on generated text, events and messages
	WINDROW_BENCH_TEXT="$(CURDIR)/$(BENCH_TEXT)" WINDROW_BENCH_MESSAGES="$(CURDIR)/$(BENCH_MESSAGES)" \
	  cargo bench -p windrow-bench

# ROWS=... measures only the rows whose name holds this expression.
bench-peers: wheel .venv-peers/stamp $(BENCH_PAGES) $(BENCH_MESSAGES) ## measure Windrow and its peers side by side
	cargo build --release -p windrow-bench --bin floor
	$(call INSTALL_WHEEL,.venv-peers)
	"$(CURDIR)/.venv-peers/bin/python" benches/peers/records.py --text $(BENCH_TEXT) \
	  --floor "$(TARGET_DIR)/release/floor" --rows '$(ROWS)'
	"$(CURDIR)/.venv-peers/bin/python" benches/peers/messages.py --messages $(BENCH_MESSAGES) --rows '$(ROWS)'
	"$(CURDIR)/.venv-peers/bin/python" benches/peers/pages.py --data $(dir $(BENCH_TEXT)) --rows '$(ROWS)'
	"$(CURDIR)/.venv-peers/bin/python" benches/peers/columns.py --data $(dir $(BENCH_TEXT)) --rows '$(ROWS)'

bench-loaders: wheel .venv-loaders/stamp $(BENCH_TEXT) ## measure Grain and torch over array_record and over Windrow
	$(call INSTALL_WHEEL,.venv-loaders)
	"$(CURDIR)/.venv-loaders/bin/python" benches/peers/loaders.py --text $(BENCH_TEXT) --rows '$(ROWS)'

clean: ## remove what was built, generated and installed here
	rm -rf .venv .venv-peers .venv-loaders target
	if command -v cargo >/dev/null 2>&1; then cargo clean; fi

venv: .venv/stamp ## set up .venv with the packages of requirements-test.txt

.venv/stamp: requirements-test.txt
	$(MAKE_VENV)

.venv-peers/stamp: benches/peers/requirements-peers.txt
	$(MAKE_VENV)

.venv-loaders/stamp: benches/peers/requirements-loaders.txt
	$(MAKE_VENV)

target/bench-data/%.bin: benches/data/make_%.py benches/data/record_file.py .venv/stamp
	"$(VENV_PYTHON)" $< $@
	touch $@

# Cut from the sources that Cargo.lock names.
target/bench-data/code.bin: need-crates

# Makes the environment of a stamp from the requirements it depends on. A half-made environment has no stamp, so it is
# made again from nothing.
define MAKE_VENV
@$(FIND_PYTHON); if [ -z "$$python" ]; then \
  echo "no Python 3.11 or newer found: install python3.11 and python3-venv, or name one with PYTHON=..." >&2; exit 1; \
elif ! "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
  echo "$$python cannot make virtual environments: install python3-venv" >&2; exit 1; \
fi; \
echo "making $(@D) with $$("$$python" --version)"; rm -rf $(@D); "$$python" -m venv $(@D)
"$(CURDIR)/$(@D)/bin/python" -m pip install --quiet --disable-pip-version-check -r $<
touch $@
endef

# Installs the wheel into the environment $(1).
INSTALL_WHEEL = "$(CURDIR)/$(1)/bin/python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps \
  target/wheels/windrow-*.whl

# Sets $python to the first interpreter that runs and is new enough, or to nothing. With `PYTHON=...` only that one
# is tried.
define FIND_PYTHON
python=; for candidate in $(if $(PYTHON),"$(PYTHON)",python3.11 python3 python3.12 python3.13 python3.14); do \
  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
    python="$$candidate"; break; \
  fi; \
done
endef

need-cargo:
	@command -v cargo >/dev/null 2>&1 || { echo "cargo not found: install Rust 1.90 or newer with rustup" >&2; exit 1; }
	@command -v cc >/dev/null 2>&1 || { echo "cc not found: install a C compiler (Debian: build-essential)" >&2; exit 1; }

need-crates: need-cargo
	cargo fetch --locked

need-lints:
	@cargo fmt --version >/dev/null 2>&1 || { echo "rustfmt not found: run 'rustup component add rustfmt'" >&2; exit 1; }
	@cargo clippy --version >/dev/null 2>&1 || { echo "clippy not found: run 'rustup component add clippy'" >&2; exit 1; }
