;; Takes all that it gets of two memories, and fails if that is more than 16 MiB together.
(module
  (memory $one (export "cm32p2_memory") 1)
  (memory $other 1)
  (global $next (mut i32) (i32.const 4096))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))
  (func (export "cm32p2|wasi:cli/run@0.2|run") (result i32)
    (loop $again (br_if $again (i32.ne (memory.grow $one (i32.const 16)) (i32.const -1))))
    (loop $again
      (br_if $again (i32.ne (memory.grow $other (i32.const 16)) (i32.const -1))))
    (i32.gt_u (i32.add (memory.size $one) (memory.size $other)) (i32.const 256)))
)
