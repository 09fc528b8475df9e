// Package routing is the world `routing-plugin` of wit/routing for plugins in Go, written by hand: what a
// plugin most needs of it. It speaks WebAssembly's canonical ABI, where a pointer has 32 bits.
package routing

import (
	"maps"
	"slices"
	"strings"
)

// A Plugin decides about requests, one at a time. An error is a sentence for the operator's log.
type Plugin interface {
	Check() error
	Route(Request) (Decision, error)
}

// Register says which plugin this is, in an init function: main is never called.
func Register(it Plugin) { plugin = it }

var plugin Plugin

// A Field is a line of a message's head.
type Field struct {
	Name  string
	Value []byte
}

// A Request as the proxy received it. What is nil or empty is not known.
type Request struct {
	ID                  string
	HTTP                bool // or else SIP
	Method, Target      string
	Fields              []Field
	Body                *Payload
	Source, Destination *Endpoint
	Transport           string // as in decisions.wit
	Attributes          map[string]string
	TimeLeft            uint64 // milliseconds
}

// A Payload is a body, perhaps cut.
type Payload struct {
	Bytes    []byte
	Complete bool
	Length   *uint64
}

// An Endpoint is an address of the network.
type Endpoint struct {
	Address string
	Port    *uint16
}

// A Decision is Continue, Answer, Redirect or Drop.
type Decision interface{ lower() (uint32, []uint32) }

// Continue lets the request go on, with changes.
type Continue struct {
	Destinations                      []Destination
	RemoveFields                      []string
	SetFields, AddFields, ReplyFields []Field
	Attributes                        map[string]string
}

// Answer is a reply made here; an empty Reason is the usual one.
type Answer struct {
	Code       uint16
	Reason     string
	Fields     []Field
	Body       []byte
	Attributes map[string]string
}

// Redirect tells the client to ask elsewhere; a Code of 0 is 302.
type Redirect struct {
	Code         uint16
	Destinations []Destination
	Fields       []Field
	Attributes   map[string]string
}

// Drop says nothing to the client.
type Drop struct{ Attributes map[string]string }

// A Destination is a place to send a request to. An empty NextHop and a nil Preference are none.
type Destination struct {
	URI, NextHop string
	Preference   *uint16
	SetFields    []Field
	Attributes   map[string]string
}

// A Response is a complete reply, of any status.
type Response struct {
	Status      uint16
	ContentType string
	Headers     []Field
	Body        []byte
}

// A RestError says why there is no complete reply.
type RestError struct {
	Case string // as in types.wit: connection-refused, dns, …
	Text string
}

func (err *RestError) Error() string { return strings.TrimSuffix(err.Case+": "+err.Text, ": ") }

// Text is what UTF-8 there is in bytes, as every string in a decision has to be.
func Text(bytes []byte) string { return strings.ToValidUTF8(string(bytes), "\uFFFD") }

// RestGet sends a GET request.
func RestGet(url string) (*Response, error) {
	defer forget()
	var it result[response]
	restGet(url, 0, 0, 0, 0, 0, 0, 0, 0, 0, pointer(&it))
	if it.failed {
		failed := (*struct {
			failed bool
			error  variant[list]
		})(pointer(&it)).error
		if failed.tag == transferTimeout { // holds what had arrived
			failed.val = list{}
		}
		return nil, &RestError{cases[failed.tag], failed.val.text()}
	}
	ok := it.val
	reply := &Response{Status: ok.status, Headers: ok.headers.fields(), Body: ok.body.bytes()}
	if ok.contentType.some {
		reply.ContentType = ok.contentType.val.text()
	}
	return reply, nil
}

// RestEscape percent-codes all but the unreserved characters of RFC 3986.
func RestEscape(text string) string {
	defer forget()
	var it list
	restEscape(text, pointer(&it))
	return it.text()
}

func (it Continue) lower() (uint32, []uint32) {
	return 0, words(destinations(it.Destinations), each(it.RemoveFields, text), fields(it.SetFields),
		fields(it.AddFields), fields(it.ReplyFields), attributes(it.Attributes))
}

func (it Answer) lower() (uint32, []uint32) {
	return 1, words([]uint32{uint32(it.Code)}, option(it.Reason), fields(it.Fields), bytes(it.Body),
		attributes(it.Attributes))
}

func (it Redirect) lower() (uint32, []uint32) {
	code := &it.Code
	if it.Code == 0 {
		code = nil
	}
	return 2, words(short(code), destinations(it.Destinations), fields(it.Fields), attributes(it.Attributes))
}

func (it Drop) lower() (uint32, []uint32) { return 3, attributes(it.Attributes) }

func destinations(list []Destination) []uint32 {
	return each(list, func(it Destination) []uint32 {
		return words(text(it.URI), option(it.NextHop), short(it.Preference), fields(it.SetFields),
			attributes(it.Attributes))
	})
}

func fields(list []Field) []uint32 {
	return each(list, func(it Field) []uint32 { return words(text(it.Name), bytes(it.Value)) })
}

func attributes(pairs map[string]string) []uint32 {
	names := slices.Sorted(maps.Keys(pairs))
	return each(names, func(name string) []uint32 { return words(text(name), text(pairs[name])) })
}
