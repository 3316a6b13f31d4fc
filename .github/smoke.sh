#!/usr/bin/env bash
# Installs the windrow of a folder of wheels into a fresh environment that holds nothing else, and tries it. Of the
# wheels, pip takes the one that is for this interpreter and this machine.
#
#   smoke.sh FOLDER [python]     the interpreter is python unless another is named
set -euo pipefail
wheels=$(cd "$1" && pwd)
python=${2:-python}
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

run() {
  echo "+ $*"
  "$@"
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Elsewhere, so that what is imported is what was installed.
cd "$scratch"
run "$python" -m venv fresh
bin=fresh/bin
if [ -d fresh/Scripts ]; then # Windows
  bin=fresh/Scripts
fi
run "$bin/python" -m pip install --quiet --no-index --find-links "$wheels" windrow
run "$bin/python" -c "import windrow; print(windrow.__file__)"
run "$bin/windrow" --version
# The tests that need nothing but these, and no operating system of a certain kind. `make test` runs all, also those
# that compare with array_record, which has no wheels for Windows or for free-threaded interpreters.
run "$bin/python" -m pip install --quiet --only-binary :all: hypothesis numpy pytest
tests=()
for name in arrays drop_in_instruction iterator options permutation reference_document source; do
  tests+=("$repository/python/tests/test_$name.py")
done
run "$bin/python" -m pytest -p no:cacheprovider "${tests[@]}"
