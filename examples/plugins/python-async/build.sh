#!/bin/sh
# Builds credit-and-location.wasm with nothing but Python and pip: build.sh [OUTPUT].
# With BUILD_DIR, the tools stay in that folder for the next time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-credit-and-location.wasm}")
build=$(realpath -m "${BUILD_DIR:-$(mktemp -d)}")
[ -n "${BUILD_DIR:-}" ] || trap 'rm -rf "$build"' EXIT
mkdir -p "$build"

[ -x "$build/venv/bin/pip" ] || python3 -m venv "$build/venv"
"$build/venv/bin/pip" install --quiet --disable-pip-version-check componentize-py==0.25.1
cp "$here/credit_and_location.py" "$build" # componentize-py writes a __pycache__ beside it
VIRTUAL_ENV="$build/venv" "$build/venv/bin/componentize-py" --quiet --wit-path "$here/wit" --world routing-plugin-async \
    componentize --python-path "$build" --output "$output" credit_and_location
