#!/bin/sh
# Builds the component with nothing but cargo and rustup: build.sh [OUTPUT].
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=$(sed -n 's/^name = "\(.*\)"$/\1/p' "$here/Cargo.toml")
output=$(realpath -m "${1:-$name.wasm}")
build=$(realpath -m "${BUILD_DIR:-$here/target}")

rustup --quiet target add wasm32-wasip2
cargo build --quiet --release --target wasm32-wasip2 --manifest-path "$here/Cargo.toml" --target-dir "$build"
cp "$build/wasm32-wasip2/release/$(echo "$name" | tr - _).wasm" "$output"
