;; Asks for each URL among its arguments, and prints a line for each: the body of the
;; reply, or what the error says. Fails if there was an error.
(module
  (import "cm32p2|rest:client/rest@0.1" "rest-get"
    (func $rest-get (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32)))
  (import "cm32p2|wasi:cli/environment@0.2" "get-arguments"
    (func $get-arguments (param i32)))
  (import "cm32p2|wasi:cli/stdout@0.2" "get-stdout"
    (func $get-stdout (result i32)))
  (import "cm32p2|wasi:io/streams@0.2" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (memory (export "cm32p2_memory") 64)
  (data (i32.const 8) "\n")
  (global $next (mut i32) (i32.const 4096))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (func $print (param i32 i32)
    (local $stdout i32)
    (local.set $stdout (call $get-stdout))
    (call $write (local.get $stdout) (local.get 0) (local.get 1) (i32.const 64))
    (call $write (local.get $stdout) (i32.const 8) (i32.const 1) (i32.const 64)))
  ;; Of the result at 16, an error has its sentence at 24, and a reply its body at 44.
  (func $ask (param i32 i32) (result i32)
    (call $rest-get (local.get 0) (local.get 1)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 16))
    (if (i32.load8_u (i32.const 16))
      (then (call $print (i32.load (i32.const 24)) (i32.load (i32.const 28))))
      (else (call $print (i32.load (i32.const 44)) (i32.load (i32.const 48)))))
    (i32.load8_u (i32.const 16)))
  (func (export "cm32p2|wasi:cli/run@0.2|run") (result i32)
    (local $at i32)
    (local $left i32)
    (local $failed i32)
    (call $get-arguments (i32.const 80))
    ;; The first one is its own name.
    (local.set $at (i32.add (i32.load (i32.const 80)) (i32.const 8)))
    (local.set $left (i32.sub (i32.load (i32.const 84)) (i32.const 1)))
    (block $done
      (loop $again
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $failed
          (i32.or (local.get $failed)
            (call $ask (i32.load (local.get $at)) (i32.load offset=4 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $again)))
    (local.get $failed))
)
