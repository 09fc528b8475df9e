package routing

import (
	"slices"
	"unsafe"
)

//go:wasmimport rest:client/rest@0.1.0 rest-get
func restGet(url string, options, headers, headersLen, connectionTimeout uint32, connectionTime uint64,
	transferTimeout uint32, transferTime uint64, maxRedirects, redirects uint32, result unsafe.Pointer)

//go:wasmimport rest:client/rest@0.1.0 rest-escape
func restEscape(text string, result unsafe.Pointer)

// What has been handed to the other side as a number, out of sight of the garbage collector. What
// comes in is kept for the call of one import or export, and what goes out until the host has read it.
var incoming, outgoing []any

func forget() { incoming = nil }

//go:wasmexport cabi_realloc
func realloc(old unsafe.Pointer, oldSize, _, size uint32) unsafe.Pointer {
	memory := make([]uint64, size/8+1) // has the alignment of all types
	incoming = append(incoming, memory)
	it := unsafe.Pointer(unsafe.SliceData(memory))
	copy(unsafe.Slice((*byte)(it), size), unsafe.Slice((*byte)(old), min(oldSize, size)))
	return it
}

//go:wasmexport routing:contract/router@0.1.0#check
func check() unsafe.Pointer {
	return outcome(plugin.Check(), nil)
}

//go:wasmexport routing:contract/router@0.1.0#route
func route(it unsafe.Pointer) unsafe.Pointer {
	request := (*request)(it).lift()
	forget()
	decision, err := plugin.Route(request)
	return outcome(err, decision)
}

//go:wasmexport cabi_post_routing:contract/router@0.1.0#check
func checkRead(unsafe.Pointer) { outgoing = nil }

//go:wasmexport cabi_post_routing:contract/router@0.1.0#route
func routeRead(unsafe.Pointer) { outgoing = nil }

func outcome(err error, decision Decision) unsafe.Pointer {
	it := make([]uint32, 14)
	if err != nil {
		copy(it, words([]uint32{1}, text(err.Error())))
	} else if decision != nil {
		tag, val := decision.lower()
		copy(it, words([]uint32{0, tag}, val))
	}
	outgoing = append(outgoing, it)
	return unsafe.Pointer(unsafe.SliceData(it))
}

// Into the plugin: structures as the canonical ABI lays them out, which is as Go does it if pointers are
// numbers.

type list struct{ ptr, len uint32 }

type optional[T any] struct {
	some bool
	val  T
}

type variant[T any] struct {
	tag uint8
	val T
}

type result[T any] struct {
	failed bool
	val    T
}

type response struct {
	status        uint16
	contentType   optional[list]
	headers, body list
}

type request struct {
	id             list
	protocol       uint8
	method, target list
	fields         list
	body           optional[struct {
		bytes    list
		complete bool
		length   optional[uint64]
	}]
	source, destination optional[endpoint]
	transport           optional[uint8]
	attributes          list
	timeLeft            uint64
}

type endpoint struct {
	address list
	port    optional[uint16]
}

const transferTimeout = 2

var (
	cases = []string{"connection-refused", "connection-timeout", "transfer-timeout", "already-connecting",
		"too-large", "dns", "tls", "denied", "busy", "invalid-url", "invalid-header", "protocol", "internal"}
	transports = []string{"udp", "tcp", "tls", "sctp", "tls-sctp", "ws", "wss", "quic"}
)

func pointer[T any](it *T) unsafe.Pointer { return unsafe.Pointer(it) }

func items[T any](it list) []T {
	if it.len == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(uintptr(it.ptr))), it.len)
}

func (it list) bytes() []byte { return slices.Clone(items[byte](it)) }

func (it list) text() string { return string(items[byte](it)) }

func (it optional[T]) pointer() *T {
	if !it.some {
		return nil
	}
	return &it.val
}

func lift(it *endpoint) *Endpoint {
	if it == nil {
		return nil
	}
	return &Endpoint{it.address.text(), it.port.pointer()}
}

func (it list) fields() (fields []Field) {
	for _, pair := range items[[2]list](it) {
		fields = append(fields, Field{pair[0].text(), pair[1].bytes()})
	}
	return fields
}

func (it *request) lift() Request {
	lifted := Request{
		ID: it.id.text(), HTTP: it.protocol == 1, Method: it.method.text(), Target: it.target.text(),
		Fields: it.fields.fields(), Source: lift(it.source.pointer()), Destination: lift(it.destination.pointer()),
		Attributes: map[string]string{}, TimeLeft: it.timeLeft,
	}
	if body := it.body.val; it.body.some {
		lifted.Body = &Payload{body.bytes.bytes(), body.complete, body.length.pointer()}
	}
	if it.transport.some {
		lifted.Transport = transports[it.transport.val]
	}
	for _, pair := range items[[2]list](it.attributes) {
		lifted.Attributes[pair[0].text()] = pair[1].text()
	}
	return lifted
}

// Out of the plugin: all that a decision holds is words of 32 bits.

func words(parts ...[]uint32) []uint32 { return slices.Concat(parts...) }

func text(it string) []uint32 { return bytes([]byte(it)) }

func bytes(it []byte) []uint32 {
	outgoing = append(outgoing, it)
	return []uint32{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(it)))), uint32(len(it))}
}

func option(it string) []uint32 {
	if it == "" {
		return []uint32{0, 0, 0}
	}
	return words([]uint32{1}, text(it))
}

func short(it *uint16) []uint32 {
	if it == nil {
		return []uint32{0}
	}
	return []uint32{1 | uint32(*it)<<16}
}

func each[T any](list []T, lower func(T) []uint32) []uint32 {
	var all []uint32
	for _, it := range list {
		all = append(all, lower(it)...)
	}
	outgoing = append(outgoing, all)
	return []uint32{uint32(uintptr(unsafe.Pointer(unsafe.SliceData(all)))), uint32(len(list))}
}
