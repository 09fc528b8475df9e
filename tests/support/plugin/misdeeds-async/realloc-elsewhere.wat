;; Asks, and gives the host room for the reply that it has not.
(module
  (import "rest:client-async/rest@0.1.0" "[async-lower]rest-get"
    (func $rest-get (param i32 i32) (result i32)))
  (import "$root" "[waitable-set-new]" (func $new-set (result i32)))
  (import "$root" "[waitable-join]" (func $join (param i32 i32)))
  (memory (export "memory") 1)
  (global $asked (mut i32) (i32.const 0))
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (if (global.get $asked) (then (return (i32.const -16))))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  ;; The handle of what was started, which has not ended.
  (func $start (param i32 i32) (result i32)
    (i32.store (i32.const 1024) (local.get 0))
    (i32.store (i32.const 1028) (local.get 1))
    (i32.shr_u (call $rest-get (i32.const 1024) (i32.const 2048)) (i32.const 4)))
  (func (export "[async-lift]run") (param i32 i32) (result i32)
    (local $set i32)
    (local.set $set (call $new-set))
    (call $join (call $start (local.get 0) (local.get 1)) (local.get $set))
    (global.set $asked (i32.const 1))
    (i32.or (i32.shl (local.get $set) (i32.const 4)) (i32.const 2)))
  (func (export "[callback][async-lift]run") (param i32 i32 i32) (result i32)
    unreachable)
)
