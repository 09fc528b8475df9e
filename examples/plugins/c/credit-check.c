// Lets those through who have credit. The service is asked by its name, `billing`.

#include "bindings/routing_plugin.h"

#include <stdlib.h>
#include <string.h>

typedef exports_routing_contract_router_request_t request_t;
typedef exports_routing_contract_router_decision_t decision_t;
typedef routing_plugin_string_t string_t;

static bool is(const string_t *name, const char *wanted) {
  return name->len == strlen(wanted) && memcmp(name->ptr, wanted, name->len) == 0;
}

/// Who asks: as the proxy has authenticated him, or else the user in the From of SIP.
static const char *caller(const request_t *request) {
  for (size_t i = 0; i < request->attributes.len; i++) {
    const routing_plugin_tuple2_string_string_t *it = &request->attributes.ptr[i];
    if (is(&it->f0, "user")) return routing_plugin_text(it->f1.ptr, it->f1.len);
  }
  for (size_t i = 0; i < request->fields.len; i++) {
    const routing_plugin_tuple2_string_list_u8_t *it = &request->fields.ptr[i];
    if (!is(&it->f0, "from")) continue;
    char *uri = strstr(routing_plugin_text(it->f1.ptr, it->f1.len), "sip:");
    if (uri == NULL) return NULL;
    uri[strcspn(uri, "@>;")] = '\0';
    return uri + strlen("sip:");
  }
  return NULL;
}

static bool go_on(decision_t *decision, const char *reason) {
  routing_plugin_tuple2_string_string_t *attribute = routing_plugin_alloc(sizeof *attribute);
  attribute->f0 = routing_plugin_string("reason");
  attribute->f1 = routing_plugin_string(reason);
  decision->tag = ROUTING_CONTRACT_DECISIONS_DECISION_CONTINUE;
  decision->val.continue_.attributes = (routing_contract_decisions_attributes_t){attribute, 1};
  return true;
}

static bool refuse(decision_t *decision, uint16_t code, const char *reason) {
  decision->tag = ROUTING_CONTRACT_DECISIONS_DECISION_ANSWER;
  decision->val.answer.code = code;
  decision->val.answer.reason = (routing_plugin_option_string_t){true, routing_plugin_string(reason)};
  return true;
}

static bool fail(string_t *error, const char *sentence) {
  *error = routing_plugin_string(sentence);
  return false;
}

bool exports_routing_contract_router_check(string_t *error) {
  (void)error;
  return true;
}

bool exports_routing_contract_router_route(const request_t *request, decision_t *decision, string_t *error) {
  const char *name = caller(request);
  if (name == NULL) return fail(error, "nobody says who is calling");
  string_t escaped, plain = routing_plugin_string(name);
  rest_client_rest_rest_escape(&plain, &escaped);
  string_t url = routing_plugin_string(routing_plugin_format(
      "http://billing.service.internal/credit?caller=%.*s", (int)escaped.len, escaped.ptr));
  rest_client_types_response_t reply;
  rest_client_types_rest_error_t trouble;
  if (!rest_client_rest_rest_get(&url, NULL, &reply, &trouble))
    return fail(error, rest_client_types_rest_error_text(&trouble));
  if (reply.status == 404) return refuse(decision, 403, "Unknown Caller");
  if (reply.status != 200) return fail(error, routing_plugin_format("billing answered with %u", reply.status));
  char *credit = routing_plugin_text(reply.body.ptr, reply.body.len), *rest;
  credit += strspn(credit, " \t\r\n");
  for (size_t len = strlen(credit); len > 0 && strchr(" \t\r\n", credit[len - 1]); len--) credit[len - 1] = '\0';
  double amount = strtod(credit, &rest);
  if (rest == credit || strchr(" ", *rest) == NULL)
    return fail(error, routing_plugin_format("billing says \"%s\", which is no amount", credit));
  if (amount > 0) return go_on(decision, routing_plugin_format("credit %s", credit));
  return refuse(decision, 402, "Payment Required");
}
