;; Starts nine transfers, and drops one that has not ended when another has.
(module
  (import "rest:client-async/rest@0.1.0" "[async-lower]rest-get"
    (func $rest-get (param i32 i32) (result i32)))
  (import "$root" "[waitable-set-new]" (func $new-set (result i32)))
  (import "$root" "[waitable-join]" (func $join (param i32 i32)))
  (import "$root" "[subtask-drop]" (func $drop-subtask (param i32)))
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (global $first (mut i32) (i32.const 0))
  (global $last (mut i32) (i32.const 0))
  ;; The handle of what was started, which has not ended.
  (func $start (param i32 i32) (result i32)
    (i32.store (i32.const 1024) (local.get 0))
    (i32.store (i32.const 1028) (local.get 1))
    (i32.shr_u (call $rest-get (i32.const 1024) (i32.const 2048)) (i32.const 4)))
  ;; Nine, of which one is answered when all of them are there, and waits for that.
  (func (export "[async-lift]run") (param i32 i32) (result i32)
    (local $left i32)
    (local $set i32)
    (local.set $left (i32.const 9))
    (local.set $set (call $new-set))
    (loop $again
      (global.set $last (call $start (local.get 0) (local.get 1)))
      (if (i32.eqz (global.get $first)) (then (global.set $first (global.get $last))))
      (call $join (global.get $last) (local.get $set))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (i32.or (i32.shl (local.get $set) (i32.const 4)) (i32.const 2)))
  (func (export "[callback][async-lift]run") (param i32) (param $answered i32) (param i32) (result i32)
    (local $other i32)
    (local.set $other
      (select (global.get $first) (global.get $last)
        (i32.eq (global.get $last) (local.get $answered))))
    (call $drop-subtask (local.get $other))
    (i32.const 0))
)
