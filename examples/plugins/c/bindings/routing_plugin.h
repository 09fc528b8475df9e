// The world `routing-plugin` of wit/routing in C: the names are those of `wit-bindgen c`, written by hand.
//
// WebAssembly's canonical ABI lays records, options and variants out as C does on wasm32, so that these
// structures are what the host writes and reads. All that comes from the host, and what `routing_plugin_alloc`
// and `routing_plugin_format` give, lives until the call of the plugin ends. Nothing has to be freed.
//
// A string has to be UTF-8 and is not terminated; the host ends the instance of a plugin that passes another one.
// `routing_plugin_text` makes a terminated one of any bytes.
#ifndef ROUTING_PLUGIN_H
#define ROUTING_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { char *ptr; size_t len; } routing_plugin_string_t;
typedef struct { uint8_t *ptr; size_t len; } routing_plugin_list_u8_t;
typedef struct { routing_plugin_string_t *ptr; size_t len; } routing_plugin_list_string_t;
typedef struct { routing_plugin_string_t f0; routing_plugin_list_u8_t f1; } routing_plugin_tuple2_string_list_u8_t;
typedef struct { routing_plugin_string_t f0, f1; } routing_plugin_tuple2_string_string_t;
typedef struct { bool is_some; routing_plugin_string_t val; } routing_plugin_option_string_t;
typedef struct { bool is_some; routing_plugin_list_u8_t val; } routing_plugin_option_list_u8_t;
typedef struct { bool is_some; uint16_t val; } routing_plugin_option_u16_t;
typedef struct { bool is_some; uint32_t val; } routing_plugin_option_u32_t;
typedef struct { bool is_some; uint64_t val; } routing_plugin_option_u64_t;

void *routing_plugin_alloc(size_t size);
/// printf into a new string.
__attribute__((format(printf, 1, 2))) char *routing_plugin_format(const char *format, ...);
/// The bytes as UTF-8, where U+FFFD stands for those that are none.
char *routing_plugin_text(const void *bytes, size_t len);
/// A terminated string as one of the contract. Nothing is copied.
routing_plugin_string_t routing_plugin_string(const char *text);

// rest:client/types

typedef struct { routing_plugin_tuple2_string_list_u8_t *ptr; size_t len; } rest_client_types_headers_t;
typedef struct {
  rest_client_types_headers_t headers;
  routing_plugin_option_u64_t connection_timeout, transfer_timeout; // milliseconds
  routing_plugin_option_u32_t max_redirects;
} rest_client_types_request_options_t;
typedef struct {
  uint16_t status;
  routing_plugin_option_string_t content_type;
  rest_client_types_headers_t headers;
  routing_plugin_list_u8_t body;
} rest_client_types_response_t, rest_client_types_partial_response_t;
enum {
  REST_CLIENT_TYPES_REST_ERROR_CONNECTION_REFUSED,
  REST_CLIENT_TYPES_REST_ERROR_CONNECTION_TIMEOUT,
  REST_CLIENT_TYPES_REST_ERROR_TRANSFER_TIMEOUT,
  REST_CLIENT_TYPES_REST_ERROR_ALREADY_CONNECTING,
  REST_CLIENT_TYPES_REST_ERROR_TOO_LARGE,
  REST_CLIENT_TYPES_REST_ERROR_DNS,
  REST_CLIENT_TYPES_REST_ERROR_TLS,
  REST_CLIENT_TYPES_REST_ERROR_DENIED,
  REST_CLIENT_TYPES_REST_ERROR_BUSY,
  REST_CLIENT_TYPES_REST_ERROR_INVALID_URL,
  REST_CLIENT_TYPES_REST_ERROR_INVALID_HEADER,
  REST_CLIENT_TYPES_REST_ERROR_PROTOCOL,
  REST_CLIENT_TYPES_REST_ERROR_INTERNAL,
};
typedef struct {
  uint8_t tag;
  union {
    rest_client_types_partial_response_t transfer_timeout;
    routing_plugin_string_t connection_refused, connection_timeout, already_connecting, too_large, dns, tls, denied,
        busy, invalid_url, invalid_header, protocol, internal;
  } val;
} rest_client_types_rest_error_t;

/// The case of an error and its sentence, as in `dns: no such host`.
char *rest_client_types_rest_error_text(const rest_client_types_rest_error_t *error);

// rest:client/rest, where `maybe_…` may be NULL. They return false where there is an error.

bool rest_client_rest_rest_get(const routing_plugin_string_t *url,
    const rest_client_types_request_options_t *maybe_options, rest_client_types_response_t *ret,
    rest_client_types_rest_error_t *err);
bool rest_client_rest_rest_request(const routing_plugin_string_t *method, const routing_plugin_string_t *url,
    const routing_plugin_list_u8_t *maybe_body, const routing_plugin_string_t *maybe_content_type,
    const rest_client_types_request_options_t *maybe_options, rest_client_types_response_t *ret,
    rest_client_types_rest_error_t *err);
void rest_client_rest_rest_escape(const routing_plugin_string_t *text, routing_plugin_string_t *ret);
bool rest_client_rest_rest_unescape(
    const routing_plugin_string_t *text, routing_plugin_string_t *ret, routing_plugin_string_t *err);

// wasi:config/store

/// True with `ret->is_some` where there is such a setting.
bool wasi_config_store_get(
    const routing_plugin_string_t *key, routing_plugin_option_string_t *ret, routing_plugin_string_t *err);

// routing:contract/decisions

typedef struct { routing_plugin_tuple2_string_list_u8_t *ptr; size_t len; } routing_contract_decisions_fields_t;
typedef struct { routing_plugin_tuple2_string_string_t *ptr; size_t len; } routing_contract_decisions_attributes_t;
enum { ROUTING_CONTRACT_DECISIONS_PROTOCOL_SIP, ROUTING_CONTRACT_DECISIONS_PROTOCOL_HTTP };
enum {
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_UDP,
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_TCP,
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_TLS,
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_SCTP,
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_TLS_SCTP,
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_WS,
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_WSS,
  ROUTING_CONTRACT_DECISIONS_TRANSPORT_QUIC,
};
typedef struct {
  routing_plugin_string_t address;
  routing_plugin_option_u16_t port;
} routing_contract_decisions_endpoint_t;
typedef struct { bool is_some; routing_contract_decisions_endpoint_t val; } routing_plugin_option_endpoint_t;
typedef struct {
  routing_plugin_list_u8_t bytes;
  bool complete;
  routing_plugin_option_u64_t length;
} routing_contract_decisions_payload_t;
typedef struct {
  routing_plugin_string_t id;
  uint8_t protocol;
  routing_plugin_string_t method, target;
  routing_contract_decisions_fields_t fields;
  struct { bool is_some; routing_contract_decisions_payload_t val; } body;
  routing_plugin_option_endpoint_t source, destination;
  struct { bool is_some; uint8_t val; } transport;
  routing_contract_decisions_attributes_t attributes;
  uint64_t time_left; // milliseconds
} exports_routing_contract_router_request_t;

typedef struct {
  routing_plugin_string_t uri;
  routing_plugin_option_string_t next_hop;
  routing_plugin_option_u16_t preference;
  routing_contract_decisions_fields_t set_fields;
  routing_contract_decisions_attributes_t attributes;
} routing_contract_decisions_destination_t;
typedef struct { routing_contract_decisions_destination_t *ptr; size_t len; } routing_plugin_list_destination_t;
typedef struct {
  routing_plugin_list_destination_t destinations;
  routing_plugin_list_string_t remove_fields;
  routing_contract_decisions_fields_t set_fields, add_fields, reply_fields;
  routing_contract_decisions_attributes_t attributes;
} routing_contract_decisions_changes_t;
typedef struct {
  uint16_t code;
  routing_plugin_option_string_t reason;
  routing_contract_decisions_fields_t fields;
  routing_plugin_list_u8_t body;
  routing_contract_decisions_attributes_t attributes;
} routing_contract_decisions_answer_t;
typedef struct {
  routing_plugin_option_u16_t code;
  routing_plugin_list_destination_t destinations;
  routing_contract_decisions_fields_t fields;
  routing_contract_decisions_attributes_t attributes;
} routing_contract_decisions_redirect_t;
enum {
  ROUTING_CONTRACT_DECISIONS_DECISION_CONTINUE,
  ROUTING_CONTRACT_DECISIONS_DECISION_ANSWER,
  ROUTING_CONTRACT_DECISIONS_DECISION_REDIRECT,
  ROUTING_CONTRACT_DECISIONS_DECISION_DROP,
};
typedef struct {
  uint8_t tag;
  union {
    routing_contract_decisions_changes_t continue_;
    routing_contract_decisions_answer_t answer;
    routing_contract_decisions_redirect_t redirect;
    routing_contract_decisions_attributes_t drop;
  } val;
} exports_routing_contract_router_decision_t;

// routing:contract/router, which the plugin defines. They return false where `err` is set; `ret` comes empty.

bool exports_routing_contract_router_check(routing_plugin_string_t *err);
bool exports_routing_contract_router_route(const exports_routing_contract_router_request_t *request,
    exports_routing_contract_router_decision_t *ret, routing_plugin_string_t *err);

#endif
