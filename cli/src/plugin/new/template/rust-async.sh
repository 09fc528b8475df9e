#!/bin/sh
# Builds credit-and-location.wasm with nothing but cargo and rustup: build.sh [OUTPUT].
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-credit-and-location.wasm}")
build=$(realpath -m "${BUILD_DIR:-$here/target}")

rustup --quiet target add wasm32-wasip2
cargo build --quiet --release --target wasm32-wasip2 --manifest-path "$here/Cargo.toml" --target-dir "$build"
cp "$build/wasm32-wasip2/release/credit_and_location.wasm" "$output"
