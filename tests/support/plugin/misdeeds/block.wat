;; Waits for a transfer, however long that takes.
(module
  (import "cm32p2|rest:client/transfers@0.1" "start-get"
    (func $start-get (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32)))
  (import "cm32p2|rest:client/polling@0.1" "subscribe"
    (func $subscribe (param i32) (result i32)))
  (import "cm32p2|wasi:io/poll@0.2" "[method]pollable.block"
    (func $block (param i32)))
  (memory (export "cm32p2_memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (func $start (param i32 i32) (result i32)
    (call $start-get (local.get 0) (local.get 1)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
  (func (export "cm32p2||run") (param i32 i32) (result i32)
    (call $block (call $subscribe (call $start (local.get 0) (local.get 1))))
    (i32.const 0))
)
