;; Prints a digit for each: its arguments, its variables, the folders that it has, and
;; whether it may look names up.
(module
  (import "cm32p2|wasi:cli/environment@0.2" "get-arguments"
    (func $get-arguments (param i32)))
  (import "cm32p2|wasi:cli/environment@0.2" "get-environment"
    (func $get-environment (param i32)))
  (import "cm32p2|wasi:filesystem/preopens@0.2" "get-directories"
    (func $get-directories (param i32)))
  (import "cm32p2|wasi:sockets/instance-network@0.2" "instance-network"
    (func $instance-network (result i32)))
  (import "cm32p2|wasi:sockets/ip-name-lookup@0.2" "resolve-addresses"
    (func $resolve-addresses (param i32 i32 i32 i32)))
  (import "cm32p2|wasi:cli/stdout@0.2" "get-stdout"
    (func $get-stdout (result i32)))
  (import "cm32p2|wasi:io/streams@0.2" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (memory (export "cm32p2_memory") 1)
  (data (i32.const 8) "localhost")
  (global $next (mut i32) (i32.const 4096))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (func $digit (param $place i32) (param $number i32)
    (i32.store8 (local.get $place) (i32.add (local.get $number) (i32.const 48))))
  (func (export "cm32p2|wasi:cli/run@0.2|run") (result i32)
    (call $get-arguments (i32.const 80))
    (call $digit (i32.const 96) (i32.load (i32.const 84)))
    (call $get-environment (i32.const 80))
    (call $digit (i32.const 97) (i32.load (i32.const 84)))
    (call $get-directories (i32.const 80))
    (call $digit (i32.const 98) (i32.load (i32.const 84)))
    (call $resolve-addresses (call $instance-network) (i32.const 8) (i32.const 9) (i32.const 80))
    (call $digit (i32.const 99) (i32.eqz (i32.load8_u (i32.const 80))))
    (call $write (call $get-stdout) (i32.const 96) (i32.const 4) (i32.const 64))
    (i32.const 0))
)
