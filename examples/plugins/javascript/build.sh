#!/bin/sh
# Builds credit-check.wasm with nothing but Node and npm: build.sh [OUTPUT].
# ENGINE=starlingmonkey takes Firefox's engine in place of QuickJS: it has TextDecoder, URL and
# their like, and eight times the size. With BUILD_DIR, the tools stay in that folder for the next time.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-credit-check.wasm}")
build=$(realpath -m "${BUILD_DIR:-$(mktemp -d)}")
[ -n "${BUILD_DIR:-}" ] || trap 'rm -rf "$build"' EXIT
mkdir -p "$build"

case ${ENGINE:-quickjs} in
quickjs) engine="--backend quickjs --backend-qjs-disable-async --backend-qjs-stub-wasi" ;;
starlingmonkey) engine="--backend starlingmonkey --disable all" ;;
*) echo "ENGINE is quickjs or starlingmonkey" >&2; exit 2 ;;
esac
cp "$here/package.json" "$here/credit-check.js" "$build"
cd "$build" # jco finds no source in another folder
npm install --before=2026-11-20 --silent --no-audit --no-fund
node_modules/.bin/jco componentize credit-check.js --wit "$here/wit" \
    --world-name routing-plugin $engine --out "$output"
