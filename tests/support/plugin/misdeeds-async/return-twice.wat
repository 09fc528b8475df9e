;; Starts a transfer, and returns twice.
(module
  (import "rest:client-async/rest@0.1.0" "[async-lower]rest-get"
    (func $rest-get (param i32 i32) (result i32)))
  (import "[export]$root" "[task-return]run" (func $return (param i32)))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  ;; The handle of what was started, which has not ended.
  (func $start (param i32 i32) (result i32)
    (i32.store (i32.const 1024) (local.get 0))
    (i32.store (i32.const 1028) (local.get 1))
    (i32.shr_u (call $rest-get (i32.const 1024) (i32.const 2048)) (i32.const 4)))
  (func (export "[async-lift]run") (param i32 i32) (result i32)
    (drop (call $start (local.get 0) (local.get 1)))
    (call $return (i32.const 1))
    (call $return (i32.const 1))
    (i32.const 0))
  (func (export "[callback][async-lift]run") (param i32 i32 i32) (result i32)
    unreachable)
)
