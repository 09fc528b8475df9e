;; Prints a word, and computes without end.
(module
  (import "cm32p2|wasi:cli/stdout@0.2" "get-stdout"
    (func $get-stdout (result i32)))
  (import "cm32p2|wasi:io/streams@0.2" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (memory (export "cm32p2_memory") 1)
  (data (i32.const 8) "computing\n")
  (global $next (mut i32) (i32.const 4096))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (func (export "cm32p2|wasi:cli/run@0.2|run") (result i32)
    (call $write (call $get-stdout) (i32.const 8) (i32.const 10) (i32.const 64))
    (loop $again (br $again))
    (i32.const 0))
)
