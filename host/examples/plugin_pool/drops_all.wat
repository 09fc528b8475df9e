;; A plugin of the routing contract that is always able to, and drops every request.
(module
  (memory (export "memory") 1)
  ;; The result of `route`: ok, drop, and no attributes.
  (data (i32.const 16) "\00\00\00\00\03\00\00\00\00\00\00\00\00\00\00\00")
  ;; Where the next text of a request goes.
  (global $next (mut i32) (i32.const 1024))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    ;; Aligned to eight bytes, whatever is asked for.
    (local.set $at
      (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get 3)))
    (block $fits
      (br_if $fits
        (i32.le_u (global.get $next) (i32.shl (memory.size) (i32.const 16))))
      (br_if $fits
        (i32.ne (i32.const -1)
          (memory.grow
            (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16))))))
      unreachable)
    (local.get $at))

  ;; Ok, as the byte at 0 says.
  (func (export "routing:contract/router@0.1.0#check") (result i32)
    (i32.const 0))

  (func (export "routing:contract/router@0.1.0#route") (param i32) (result i32)
    ;; The request is forgotten.
    (global.set $next (i32.const 1024))
    (i32.const 16)))
