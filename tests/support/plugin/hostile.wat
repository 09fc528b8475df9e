(module
  (import "cm32p2|rest:client/rest@0.1" "rest-get"
    (func $rest-get (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32 i32)))
  (import "cm32p2|rest:client/rest@0.1" "rest-request"
    (func $rest-request (param i32 i32)))
  (import "cm32p2|rest:client/rest@0.1" "rest-escape"
    (func $rest-escape (param i32 i32 i32)))
  (import "cm32p2|rest:client/rest@0.1" "rest-unescape"
    (func $rest-unescape (param i32 i32 i32)))
  (import "cm32p2|rest:client/transfers@0.1" "start-get"
    (func $start-get (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32)))
  (import "cm32p2|rest:client/transfers@0.1" "start-post"
    (func $start-post (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32)
      (result i32)))
  (import "cm32p2|rest:client/polling@0.1" "subscribe"
    (func $subscribe (param i32) (result i32)))
  (import "cm32p2|rest:client/transfers@0.1" "[static]transfer.finish"
    (func $finish (param i32 i32)))
  (import "cm32p2|rest:client/open-replies@0.1" "finish-open"
    (func $finish-open (param i32 i32)))
  (import "cm32p2|rest:client/transfers@0.1" "transfer_drop"
    (func $drop-transfer (param i32)))
  (import "cm32p2|wasi:io/poll@0.2" "[method]pollable.block"
    (func $block (param i32)))
  (import "cm32p2|wasi:io/poll@0.2" "pollable_drop"
    (func $drop-pollable (param i32)))
  (import "cm32p2|wasi:io/streams@0.2" "[method]output-stream.write-zeroes"
    (func $write-zeroes (param i32 i64 i32)))
  (import "cm32p2|wasi:http/types@0.2" "[constructor]fields"
    (func $new-fields (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "[constructor]outgoing-request"
    (func $new-request (param i32) (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]outgoing-request.body"
    (func $request-body (param i32 i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]outgoing-body.write"
    (func $body-stream (param i32 i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]incoming-response.status"
    (func $status (param i32) (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]incoming-response.headers"
    (func $headers (param i32) (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]incoming-response.consume"
    (func $consume (param i32 i32)))
  (import "cm32p2|wasi:http/types@0.2" "incoming-body_drop"
    (func $drop-body (param i32)))
  (import "cm32p2|wasi:http/types@0.2" "incoming-response_drop"
    (func $drop-response (param i32)))

  (memory (export "cm32p2_memory") 2048)
  ;; Allocates, and frees nothing: a test is short.
  (global $next (mut i32) (i32.const 4096))
  (func $allocate (param $size i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get $size))))
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (call $allocate (local.get 3)))

  ;; Of the result at 16: a response begins with its status, an error with its
  ;; case.
  (func $outcome (result i32)
    (if (result i32) (i32.load8_u (i32.const 16))
      (then (i32.sub (i32.const -1) (i32.load8_u (i32.const 20))))
      (else (i32.load16_u (i32.const 20)))))

  ;; The arguments are so many that they lie in the memory, alike for both.
  (func (export "cm32p2||request") (param i32) (result i32)
    (call $rest-request (local.get 0) (i32.const 16))
    (call $outcome))
  (func (export "cm32p2||write-zeroes") (param $length i64)
    (call $request-body (call $new-request (call $new-fields)) (i32.const 16))
    (call $body-stream (i32.load (i32.const 20)) (i32.const 16))
    (call $write-zeroes (i32.load (i32.const 20)) (local.get $length) (i32.const 16)))
  (func (export "cm32p2||make-fields")
    (drop (call $new-fields)))
  (func (export "cm32p2||get-long") (param $url i32) (param $url-length i32) (param $length i32)
    (result i32)
    (local $long i32)
    (local.set $long
      (call $allocate (i32.add (local.get $url-length) (local.get $length))))
    (memory.copy (local.get $long) (local.get $url) (local.get $url-length))
    (memory.fill (i32.add (local.get $long) (local.get $url-length)) (i32.const 97)
      (local.get $length))
    (call $rest-get (local.get $long) (i32.add (local.get $url-length) (local.get $length))
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 16))
    (call $outcome))
  (func (export "cm32p2||escape-zeroes") (param $length i32) (result i32)
    (call $rest-escape (call $allocate (local.get $length)) (local.get $length) (i32.const 16))
    (i32.load (i32.const 20)))
  (func (export "cm32p2||escape") (param i32 i32) (result i32)
    (call $rest-escape (local.get 0) (local.get 1) (i32.const 16))
    (i32.const 16))
  (func (export "cm32p2||unescape") (param i32 i32) (result i32)
    (call $rest-unescape (local.get 0) (local.get 1) (i32.const 16))
    (i32.const 16))
  (func (export "cm32p2||start-get") (param i32 i32) (result i32)
    (call $start-get (local.get 0) (local.get 1)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
  ;; The body is what lies at 4096, whatever that is.
  (func (export "cm32p2||start-post") (param i32 i32 i32) (result i32)
    (call $start-post (local.get 0) (local.get 1) (i32.const 4096) (local.get 2)
      (i32.const 0) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
  (func (export "cm32p2||finish") (param i32) (result i32)
    (call $finish (local.get 0) (i32.const 16))
    (call $outcome))
  (func (export "cm32p2||block") (param i32)
    (local $pollable i32)
    (local.set $pollable (call $subscribe (local.get 0)))
    (call $block (local.get $pollable))
    (call $drop-pollable (local.get $pollable)))
  (func (export "cm32p2||keep-fields") (param i32) (result i32)
    (local $response i32)
    (call $finish-open (local.get 0) (i32.const 16))
    (if (i32.load8_u (i32.const 16))
      (then (return (call $outcome))))
    (local.set $response (i32.load (i32.const 20)))
    (drop (call $headers (local.get $response)))
    (call $consume (local.get $response) (i32.const 16))
    (call $drop-body (i32.load (i32.const 20)))
    (call $status (local.get $response))
    (call $drop-response (local.get $response)))
  (func (export "cm32p2||wait-often") (param i32 i32)
    (loop $again
      (drop (call $subscribe (local.get 0)))
      (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
      (br_if $again (local.get 1))))
  (func (export "cm32p2||discard") (param i32)
    (call $drop-transfer (local.get 0)))
)
