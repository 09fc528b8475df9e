(module
  (import "cm32p2|rest:client/rest@0.1" "rest-get"
    (func $rest-get (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32)))

  (memory (export "cm32p2_memory") 1)

  ;; Allocates, and frees nothing: there is one call.
  (global $next (mut i32) (i32.const 4096))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))

  ;; Asks with GET, without options. The result is at 16: a byte that is 0 for a
  ;; response, which begins with its status at 20.
  (func (export "cm32p2||look-up") (param $url i32) (param $length i32) (result i32)
    (call $rest-get (local.get $url) (local.get $length)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 16))
    (if (result i32) (i32.load8_u (i32.const 16))
      (then (i32.const 0))
      (else (i32.load16_u (i32.const 20))))))
