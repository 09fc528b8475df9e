(module
  (import "cm32p2|rest:client/rest@0.1" "rest-get"
    (func $rest-get (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32)))
  (import "cm32p2|rest:client/rest@0.1" "rest-escape"
    (func $rest-escape (param i32 i32 i32)))
  (import "cm32p2|rest:client/transfers@0.1" "start-get"
    (func $start-get (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32)))
  (import "cm32p2|rest:client/polling@0.1" "subscribe"
    (func $subscribe (param i32) (result i32)))
  (import "cm32p2|rest:client/transfers@0.1" "[method]transfer.ready"
    (func $ready (param i32) (result i32)))
  (import "cm32p2|rest:client/transfers@0.1" "[static]transfer.finish"
    (func $finish (param i32 i32)))
  (import "cm32p2|rest:client/open-replies@0.1" "finish-open"
    (func $finish-open (param i32 i32)))
  (import "cm32p2|rest:client/transfers@0.1" "transfer_drop"
    (func $drop-transfer (param i32)))
  (import "cm32p2|wasi:io/poll@0.2" "[method]pollable.block"
    (func $block (param i32)))
  (import "cm32p2|wasi:io/poll@0.2" "pollable_drop"
    (func $drop-pollable (param i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]incoming-response.status"
    (func $status (param i32) (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "incoming-response_drop"
    (func $drop-response (param i32)))

  (memory (export "cm32p2_memory") 64)
  ;; Allocates, and frees nothing: a test is short.
  (global $next (mut i32) (i32.const 4096))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))

  ;; Of the result at 16: a response begins with its status, an error with its
  ;; case.
  (func $outcome (result i32)
    (if (result i32) (i32.load8_u (i32.const 16))
      (then (i32.sub (i32.const -1) (i32.load8_u (i32.const 20))))
      (else (i32.load16_u (i32.const 20)))))

  (func $get (export "cm32p2||get") (param i32 i32) (result i32)
    (call $rest-get (local.get 0) (local.get 1)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 16))
    (call $outcome))
  ;; The message of an error is behind its case.
  (func (export "cm32p2||complaint") (param i32 i32) (result i32)
    (drop (call $get (local.get 0) (local.get 1)))
    (i32.const 24))
  (func (export "cm32p2||escaped-length") (param i32 i32) (result i32)
    (call $rest-escape (local.get 0) (local.get 1) (i32.const 16))
    (i32.load (i32.const 20)))
  (func $start (export "cm32p2||start-get") (param i32 i32) (result i32)
    (call $start-get (local.get 0) (local.get 1)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
  (func (export "cm32p2||ready") (param i32) (result i32)
    (call $ready (local.get 0)))
  (func (export "cm32p2||block") (param i32)
    (local $pollable i32)
    (local.set $pollable (call $subscribe (local.get 0)))
    (call $block (local.get $pollable))
    (call $drop-pollable (local.get $pollable)))
  (func (export "cm32p2||finish") (param i32) (result i32)
    (call $finish (local.get 0) (i32.const 16))
    (call $outcome))
  ;; Leaves the handle of the response at 20.
  (func $open (export "cm32p2||open-and-keep") (param i32 i32) (result i32)
    (call $finish-open (call $start (local.get 0) (local.get 1)) (i32.const 16))
    (if (result i32) (i32.load8_u (i32.const 16))
      (then (call $outcome))
      (else (call $status (i32.load (i32.const 20))))))
  (func (export "cm32p2||open") (param i32 i32) (result i32)
    (call $open (local.get 0) (local.get 1))
    (if (i32.eqz (i32.load8_u (i32.const 16)))
      (then (call $drop-response (i32.load (i32.const 20))))))
  (func (export "cm32p2||discard") (param i32)
    (call $drop-transfer (local.get 0)))
)
