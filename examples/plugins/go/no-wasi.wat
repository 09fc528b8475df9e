;; Go wants WASI 0.1 to start at all. This is as much of it as a plugin needs, and none of it reaches the host: Go asks
;; for the time whenever it collects garbage, also where a component must not call out (in cabi_realloc). The usual
;; adapter to WASI 0.2 is no way out, either: its memory and Go's heap overlap, as Go takes all growth for its own.
;;
;; So there are no arguments, no environment, no files and no output (what a panic says is lost). The clock tells that
;; time goes on, not what time it is, and the random numbers are the same in each instance.
(module
  (import "env" "memory" (memory 0))
  (global $nanoseconds (mut i64) (i64.const 1))
  (global $random (mut i64) (i64.const 0x9e3779b97f4a7c15))

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $time i32) (result i32)
    (global.set $nanoseconds (i64.add (global.get $nanoseconds) (i64.const 1000)))
    (i64.store (local.get $time) (global.get $nanoseconds))
    (i32.const 0))

  ;; Whoever waits has waited for a millisecond.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $happened i32) (result i32)
    (global.set $nanoseconds (i64.add (global.get $nanoseconds) (i64.const 1000000)))
    (i32.store (local.get $happened) (i32.const 0))
    (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))

  (func (export "random_get") (param $at i32) (param $len i32) (result i32)
    (loop $next
      (if (local.get $len) (then
        (global.set $random (i64.add (i64.const 1442695040888963407)
          (i64.mul (global.get $random) (i64.const 6364136223846793005))))
        (i64.store8 (local.get $at) (i64.shr_u (global.get $random) (i64.const 56)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $next))))
    (i32.const 0))

  (func $none (param $count i32) (param $size i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $size) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $none))
  (export "environ_sizes_get" (func $none))
  (func $nothing (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))
  (func (export "proc_exit") (param $code i32) unreachable)

  ;; No file is open: EBADF.
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func $bad2 (param i32 i32) (result i32) (i32.const 8))
  (export "fd_fdstat_get" (func $bad2))
  (export "fd_fdstat_set_flags" (func $bad2))
  (export "fd_prestat_get" (func $bad2))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))

  ;; Go asks for no more than that all has been written: a panic without end would follow.
  (func (export "fd_write") (param $fd i32) (param $parts i32) (param $count i32) (param $written i32) (result i32)
    (local $sum i32)
    (loop $next
      (if (local.get $count) (then
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $parts))))
        (local.set $parts (i32.add (local.get $parts) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next))))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0)))
