;; Gives way without end.
(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (func (export "[async-lift]run") (param i32 i32) (result i32)
    (i32.const 1))
  (func (export "[callback][async-lift]run") (param i32 i32 i32) (result i32)
    (i32.const 1))
)
