"""Asks a service from Python: the component of rest-client in wasmtime, without a plugin.

pip install wasmtime==50.0.1; rest-client component --output rest-client.wasm
"""

import sys

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker, Variant

engine = Engine()
linker = Linker(engine)
linker.add_wasip2()
linker.add_wasi_http()
store = Store(engine)
store.set_wasi(WasiConfig())
store.set_wasi_http()
client = linker.instantiate(store, Component.from_file(engine, "rest-client.wasm"))
rest = client.get_export_index(store, "rest:client/rest@0.1.0")
rest_get = client.get_func(store, client.get_export_index(store, "rest-get", rest))
outcome = rest_get(store, sys.argv[1], None)
if isinstance(outcome, Variant):
    print(outcome.tag, outcome.payload)
else:
    print(outcome.status, outcome.body.decode())
