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
# What the tests need and every platform has. Those marked `upstream` compare with a package that has no wheels for
# Windows or for free-threaded interpreters: `make test` runs them.
run "$bin/python" -m pip install --quiet --only-binary :all: cloudpickle numpy pytest
run "$bin/python" -m pytest -p no:cacheprovider -m "not upstream" "$repository/python/tests"
