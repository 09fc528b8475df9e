;; What Go's runtime wants of WASI 0.1, without any import. The usual adapter asks the host for
;; the time, which Go does while its collector runs, and a component may not call anything while
;; memory is allocated in it. Time stands still here but for sleep, which is over at once, and
;; nothing is printed: a plugin has its deadline from the host, and says what is wrong by what it
;; returns.
(module
  (import "env" "memory" (memory 0))

  ;; xorshift, for the seeds of Go's maps. It is the same in each instance: crypto/rand is no
  ;; source of secrets in such a plugin.
  (global $random (mut i64) (i64.const 0x2545f4914f6cdd1d))
  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $next
      (if (i32.lt_u (local.get $at) (local.get $end))
        (then
          (global.set $random (i64.xor (global.get $random) (i64.shl (global.get $random) (i64.const 13))))
          (global.set $random (i64.xor (global.get $random) (i64.shr_u (global.get $random) (i64.const 7))))
          (global.set $random (i64.xor (global.get $random) (i64.shl (global.get $random) (i64.const 17))))
          (i64.store8 (local.get $at) (global.get $random))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next))))
    i32.const 0)

  (global $now (mut i64) (i64.const 1)) ;; in nanoseconds
  (func (export "clock_time_get") (param $clock i32) (param i64) (param $at i32) (result i32)
    (i64.store (local.get $at) (global.get $now))
    i32.const 0)
  (func (export "adapter_monotonic_clock_set_paused") (param i32))

  ;; No arguments, and no variables.
  (func $none (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    i32.const 0)
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func $nothing (param i32 i32) (result i32) i32.const 0)
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))

  ;; All was written.
  (func (export "fd_write") (param i32) (param $list i32) (param $count i32) (param $written i32) (result i32)
    (local $total i32)
    (loop $next
      (if (local.get $count)
        (then
          (local.set $total (i32.add (local.get $total) (i32.load offset=4 (local.get $list))))
          (local.set $list (i32.add (local.get $list) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next))))
    (i32.store (local.get $written) (local.get $total))
    i32.const 0)

  ;; A span of time that Go waits for (a subscription of the type 0) has passed: if it had not,
  ;; Go would ask for ever.
  (func (export "poll_oneoff") (param $asked i32) (param i32 i32) (param $count i32) (result i32)
    (if (i32.eqz (i32.load8_u offset=8 (local.get $asked)))
      (then (global.set $now (i64.add (global.get $now) (i64.load offset=24 (local.get $asked))))))
    (i32.store (local.get $count) (i32.const 0))
    i32.const 0)

  ;; No file is open (8 is badf).
  (func (export "fd_prestat_get") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) i32.const 8)
  (func (export "fd_fdstat_get") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) i32.const 8)
  (func (export "fd_close") (param i32) (result i32) i32.const 8)
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) i32.const 8)
  (func (export "sched_yield") (result i32) i32.const 0)
  (func (export "proc_exit") (param i32) unreachable))
