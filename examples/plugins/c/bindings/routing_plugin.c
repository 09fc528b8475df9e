#include "routing_plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

// What a call needs is a chain of blocks until the call is over.

static struct block {
  struct block *next;
  max_align_t bytes[];
} *blocks;

void *routing_plugin_alloc(size_t size) {
  struct block *block = malloc(sizeof *block + size);
  if (block == NULL) abort();
  block->next = blocks;
  blocks = block;
  return block->bytes;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  (void)align; // none is stricter than that of max_align_t
  void *new = routing_plugin_alloc(size);
  if (old_size > 0) memcpy(new, old, old_size < size ? old_size : size);
  return new;
}

static void release(void) {
  while (blocks != NULL) {
    struct block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
}

// Strings

char *routing_plugin_format(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) abort();
  char *text = routing_plugin_alloc((size_t)length + 1);
  va_start(arguments, format);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  va_end(arguments);
  return text;
}

/// How many bytes at `at` are one character of UTF-8 (RFC 3629), or 0.
static size_t character(const uint8_t *at, size_t left) {
  uint8_t first = at[0], least = 0x80, greatest = 0xbf;
  size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || length > left) return 0;
  if (first == 0xe0) least = 0xa0;
  if (first == 0xed) greatest = 0x9f;
  if (first == 0xf0) least = 0x90;
  if (first == 0xf4) greatest = 0x8f;
  for (size_t i = 1; i < length; i++) {
    if (at[i] < least || at[i] > greatest) return 0;
    least = 0x80;
    greatest = 0xbf;
  }
  return length;
}

char *routing_plugin_text(const void *bytes, size_t len) {
  const uint8_t *from = bytes, *end = from + len;
  char *text = routing_plugin_alloc(3 * len + 1), *to = text;
  while (from < end) {
    size_t length = character(from, (size_t)(end - from));
    memcpy(to, length == 0 ? (const void *)"\xef\xbf\xbd" : from, length == 0 ? 3 : length);
    to += length == 0 ? 3 : length;
    from += length == 0 ? 1 : length;
  }
  *to = '\0';
  return text;
}

routing_plugin_string_t routing_plugin_string(const char *text) {
  return (routing_plugin_string_t){(char *)text, strlen(text)};
}

// Imports

typedef struct {
  uint8_t is_err;
  union { rest_client_types_response_t ok; rest_client_types_rest_error_t err; } val;
} reply_t;
typedef struct { uint8_t is_err; routing_plugin_string_t val; } string_result_t;
typedef struct { bool is_some; rest_client_types_request_options_t val; } option_options_t;

IMPORT("rest:client/rest@0.1.0", "rest-get")
void rest_get(const char *, size_t, int32_t, routing_plugin_tuple2_string_list_u8_t *, size_t, int32_t, int64_t, int32_t,
    int64_t, int32_t, int32_t, reply_t *);
IMPORT("rest:client/rest@0.1.0", "rest-request") void rest_request(const void *, reply_t *);
IMPORT("rest:client/rest@0.1.0", "rest-escape") void rest_escape(const char *, size_t, routing_plugin_string_t *);
IMPORT("rest:client/rest@0.1.0", "rest-unescape") void rest_unescape(const char *, size_t, string_result_t *);

static bool replied(const reply_t *reply, rest_client_types_response_t *ret, rest_client_types_rest_error_t *err) {
  if (reply->is_err) *err = reply->val.err;
  else *ret = reply->val.ok;
  return !reply->is_err;
}

bool rest_client_rest_rest_get(const routing_plugin_string_t *url,
    const rest_client_types_request_options_t *maybe_options, rest_client_types_response_t *ret,
    rest_client_types_rest_error_t *err) {
  rest_client_types_request_options_t none = {0};
  const rest_client_types_request_options_t *it = maybe_options != NULL ? maybe_options : &none;
  reply_t reply;
  rest_get(url->ptr, url->len, maybe_options != NULL, it->headers.ptr, it->headers.len, it->connection_timeout.is_some,
      (int64_t)it->connection_timeout.val, it->transfer_timeout.is_some, (int64_t)it->transfer_timeout.val,
      it->max_redirects.is_some, (int32_t)it->max_redirects.val, &reply);
  return replied(&reply, ret, err);
}

bool rest_client_rest_rest_request(const routing_plugin_string_t *method, const routing_plugin_string_t *url,
    const routing_plugin_list_u8_t *maybe_body, const routing_plugin_string_t *maybe_content_type,
    const rest_client_types_request_options_t *maybe_options, rest_client_types_response_t *ret,
    rest_client_types_rest_error_t *err) {
  struct {
    routing_plugin_string_t method, url;
    routing_plugin_option_list_u8_t body;
    routing_plugin_option_string_t content_type;
    option_options_t options;
  } question = {.method = *method, .url = *url};
  if (maybe_body != NULL) question.body = (routing_plugin_option_list_u8_t){true, *maybe_body};
  if (maybe_content_type != NULL) question.content_type = (routing_plugin_option_string_t){true, *maybe_content_type};
  if (maybe_options != NULL) question.options = (option_options_t){true, *maybe_options};
  reply_t reply;
  rest_request(&question, &reply);
  return replied(&reply, ret, err);
}

void rest_client_rest_rest_escape(const routing_plugin_string_t *text, routing_plugin_string_t *ret) {
  rest_escape(text->ptr, text->len, ret);
}

bool rest_client_rest_rest_unescape(
    const routing_plugin_string_t *text, routing_plugin_string_t *ret, routing_plugin_string_t *err) {
  string_result_t result;
  rest_unescape(text->ptr, text->len, &result);
  *(result.is_err ? err : ret) = result.val;
  return !result.is_err;
}

char *rest_client_types_rest_error_text(const rest_client_types_rest_error_t *error) {
  static const char *const cases[] = {"connection-refused", "connection-timeout", "transfer-timeout",
      "already-connecting", "too-large", "dns", "tls", "denied", "busy", "invalid-url", "invalid-header", "protocol",
      "internal"};
  if (error->tag == REST_CLIENT_TYPES_REST_ERROR_TRANSFER_TIMEOUT) return routing_plugin_format("%s", cases[error->tag]);
  const routing_plugin_string_t *sentence = &error->val.internal;
  return routing_plugin_format("%s: %.*s", cases[error->tag], (int)sentence->len, sentence->ptr);
}

typedef struct {
  uint8_t is_err;
  union {
    routing_plugin_option_string_t ok;
    struct { uint8_t tag; routing_plugin_string_t val; } err;
  } val;
} setting_t;
IMPORT("wasi:config/store@0.2.0-rc.1", "get") void config_get(const char *, size_t, setting_t *);

bool wasi_config_store_get(
    const routing_plugin_string_t *key, routing_plugin_option_string_t *ret, routing_plugin_string_t *err) {
  setting_t setting;
  config_get(key->ptr, key->len, &setting);
  if (setting.is_err) *err = setting.val.err.val;
  else *ret = setting.val.ok;
  return !setting.is_err;
}

// Exports

EXPORT("routing:contract/router@0.1.0#check") string_result_t *export_check(void) {
  static string_result_t result;
  result = (string_result_t){0};
  result.is_err = !exports_routing_contract_router_check(&result.val);
  return &result;
}

typedef struct {
  uint8_t is_err;
  union { exports_routing_contract_router_decision_t ok; routing_plugin_string_t err; } val;
} decided_t;

EXPORT("routing:contract/router@0.1.0#route")
decided_t *export_route(const exports_routing_contract_router_request_t *request) {
  static decided_t result;
  result = (decided_t){0};
  exports_routing_contract_router_decision_t decision = {0};
  routing_plugin_string_t error = {0};
  result.is_err = !exports_routing_contract_router_route(request, &decision, &error);
  if (result.is_err) result.val.err = error;
  else result.val.ok = decision;
  return &result;
}

EXPORT("cabi_post_routing:contract/router@0.1.0#check") void export_check_post(void *result) {
  (void)result;
  release();
}

EXPORT("cabi_post_routing:contract/router@0.1.0#route") void export_route_post(void *result) {
  (void)result;
  release();
}
