;; A guest that does what no guest should. Which misdeed it is, the method of the
;; request says by its first letter; each ends in its own way below. All that a
;; URL may be is http://AUTHORITY/.
;;
;; Names are those of `wit-component` for a core module (cm32p2). The world's
;; other functions are there, and can't be called.

(module
  (import "cm32p2|wasi:http/types@0.2" "[constructor]fields"
    (func $fields (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "[constructor]outgoing-request"
    (func $outgoing-request (param i32) (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]outgoing-request.set-scheme"
    (func $set-scheme (param i32 i32 i32 i32 i32) (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "[method]outgoing-request.set-authority"
    (func $set-authority (param i32 i32 i32 i32) (result i32)))
  (import "cm32p2|wasi:http/types@0.2" "future-incoming-response_drop"
    (func $drop-reply (param i32)))
  (import "cm32p2|wasi:http/outgoing-handler@0.2" "handle"
    (func $handle (param i32 i32 i32 i32)))
  (import "cm32p2|_ex_rest:client/transfers@0.1" "transfer_new"
    (func $transfer-new (param i32) (result i32)))
  (import "cm32p2|_ex_rest:client/transfers@0.1" "transfer_rep"
    (func $transfer-rep (param i32) (result i32)))

  (memory (export "cm32p2_memory") 4)

  ;; Where the next allocation begins. What is below is for results.
  (global $next (mut i32) (i32.const 1024))

  ;; Allocates, and frees nothing: a test is short.
  (func (export "cm32p2_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3))))

  (func (export "cm32p2|rest:client/configuration@0.1|configure") (param i32) (result i32)
    i32.const 0)

  ;; The parameters lie in memory: the method at 0, the URL at 8, each with its
  ;; length 4 bytes on. A transfer is known by the letter of its misdeed.
  (func (export "cm32p2|rest:client/transfers@0.1|start-request")
    (param $parameters i32) (result i32)
    (local $misdeed i32)
    (local.set $misdeed (i32.load8_u (i32.load (local.get $parameters))))
    ;; TRAP: executes what can't be executed.
    (if (i32.eq (local.get $misdeed) (i32.const 0x54)) (then unreachable))
    ;; SPIN: never comes back.
    (if (i32.eq (local.get $misdeed) (i32.const 0x53)) (then (loop $again br $again)))
    ;; OPEN: sends the request, and traps when a reply is there.
    (if (i32.eq (local.get $misdeed) (i32.const 0x4f))
      (then (drop (call $send (local.get $parameters)))))
    ;; DROP: sends the request, drops the reply to come, and fails the call.
    (if (i32.eq (local.get $misdeed) (i32.const 0x44))
      (then (call $drop-reply (call $send (local.get $parameters)))))
    ;; MARK: traps if it finds its mark in memory, and else makes it; then fails
    ;; the call.
    (if (i32.eq (local.get $misdeed) (i32.const 0x4d)) (then (call $mark)))
    (call $transfer-new (local.get $misdeed)))

  ;; Sends a GET to the authority of the URL, and returns the reply to come.
  (func $send (param $parameters i32) (result i32)
    (local $request i32)
    (local.set $request (call $outgoing-request (call $fields)))
    (drop (call $set-scheme
      (local.get $request) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
    ;; Behind http:// and without the slash at the end.
    (drop (call $set-authority
      (local.get $request)
      (i32.const 1)
      (i32.add (i32.load offset=8 (local.get $parameters)) (i32.const 7))
      (i32.sub (i32.load offset=12 (local.get $parameters)) (i32.const 8))))
    (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 0))
    (i32.load (i32.const 8)))

  ;; Grows the memory by a page, and marks the first byte of some pages, those
  ;; that it had and the new one.
  (func $mark
    (local $at i32)
    (drop (memory.grow (i32.const 1)))
    (local.set $at (i32.const 131072))
    (loop $next
      (if (i32.load (local.get $at)) (then unreachable))
      (i32.store (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 65536)))
      (br_if $next (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16))))))

  (func (export "cm32p2|rest:client/open-replies@0.1|finish-open")
    (param $transfer i32) (result i32)
    (if (i32.eq (call $transfer-rep (local.get $transfer)) (i32.const 0x4f))
      (then unreachable))
    ;; The last case of rest-error, `internal`, without words.
    (i32.store8 (i32.const 64) (i32.const 1))
    (i32.store8 (i32.const 68) (i32.const 12))
    (i64.store (i32.const 72) (i64.const 0))
    i32.const 64)

  ;; What follows is never called.
  (func (export "cm32p2|rest:client/rest@0.1|rest-get")
    (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/rest@0.1|rest-post")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32)
    unreachable)
  (func (export "cm32p2|rest:client/rest@0.1|rest-put")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32)
    unreachable)
  (func (export "cm32p2|rest:client/rest@0.1|rest-request")
    (param i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/rest@0.1|rest-escape")
    (param i32 i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/rest@0.1|rest-unescape")
    (param i32 i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/polling@0.1|subscribe")
    (param i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/transfers@0.1|wait")
    (param i32 i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/transfers@0.1|[method]transfer.ready")
    (param i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/transfers@0.1|[static]transfer.finish")
    (param i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/transfers@0.1|start-get")
    (param i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32) unreachable)
  (func (export "cm32p2|rest:client/transfers@0.1|start-post")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32)
    unreachable)
  (func (export "cm32p2|rest:client/transfers@0.1|start-put")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i64 i32 i32) (result i32)
    unreachable))
