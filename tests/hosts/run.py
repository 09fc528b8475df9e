"""Runs a command component with wasmtime's package for Python: run.py COMPONENT [ARGUMENT…]."""

import sys

from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

engine = Engine()
linker = Linker(engine)
linker.add_wasip2()
linker.add_wasi_http()
store = Store(engine)
wasi = WasiConfig()
wasi.argv = sys.argv[1:]
store.set_wasi(wasi)
store.set_wasi_http()
component = Component.from_file(engine, sys.argv[1])
instance = linker.instantiate(store, component)
run = instance.get_export_index(store, "wasi:cli/run@0.2.12")
run = instance.get_func(store, instance.get_export_index(store, "run", run))
run(store)
