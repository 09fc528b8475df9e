// Lets those through who have credit. The service is asked by its name, `billing`.
// What a generated function hands out is freed by the one that goes with it.

#include "routing_plugin.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef routing_plugin_string_t text;
typedef exports_routing_contract_router_request_t request_t;
typedef exports_routing_contract_router_decision_t decision_t;

// Zeroed memory. Without it the plugin ends, and its host says so.
static void *need(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) abort();
    return memory;
}

// A text that is no UTF-8 would end the plugin at the border (RFC 3629, section 4).
static bool is_utf8(const uint8_t *at, size_t len) {
    for (const uint8_t *end = at + len; at < end;) {
        uint8_t first = *at++, low = 0x80, high = 0xbf;
        if (first < 0x80) continue;
        int more = first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
        if (more < 0 || end - at < more) return false;
        if (first == 0xe0) low = 0xa0;
        if (first == 0xed) high = 0x9f;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;
        for (; more > 0; more--, at++, low = 0x80, high = 0xbf) {
            if (*at < low || *at > high) return false;
        }
    }
    return true;
}

// Prints to a text that its receiver frees. False, since what is printed is mostly an error.
static bool print(text *out, const char *format, ...) {
    va_list measured, printed;
    va_start(measured, format);
    va_copy(printed, measured);
    int length = vsnprintf(NULL, 0, format, measured);
    out->ptr = length > 0 ? need(length + 1) : NULL;
    out->len = length > 0 ? length : 0;
    if (out->ptr) vsnprintf((char *)out->ptr, length + 1, format, printed);
    va_end(printed);
    va_end(measured);
    return false;
}

static bool go_on(decision_t *decision, const char *credit) {
    *decision = (decision_t){.tag = ROUTING_CONTRACT_DECISIONS_DECISION_CONTINUE};
    routing_contract_decisions_attributes_t *attributes = &decision->val.continue_.attributes;
    attributes->ptr = need(sizeof *attributes->ptr);
    attributes->len = 1;
    print(&attributes->ptr->f0, "reason");
    print(&attributes->ptr->f1, "credit %s", credit);
    return true;
}

static bool refuse(decision_t *decision, uint16_t code, const char *reason) {
    *decision = (decision_t){.tag = ROUTING_CONTRACT_DECISIONS_DECISION_ANSWER};
    decision->val.answer.code = code;
    decision->val.answer.reason.is_some = true;
    print(&decision->val.answer.reason.val, "%s", reason);
    return true;
}

// Whom the proxy has authenticated; in SIP, if it has not, who the From claims to be. A part
// of the request.
static bool caller(const request_t *request, text *who) {
    for (size_t i = 0; i < request->attributes.len; i++) {
        routing_plugin_tuple2_string_string_t *it = &request->attributes.ptr[i];
        if (it->f0.len == 4 && memcmp(it->f0.ptr, "user", 4) == 0) {
            *who = it->f1;
            return true;
        }
    }
    if (request->protocol != ROUTING_CONTRACT_DECISIONS_PROTOCOL_SIP) return false;
    for (size_t i = 0; i < request->fields.len; i++) {
        routing_plugin_tuple2_string_list_u8_t *it = &request->fields.ptr[i];
        if (it->f0.len != 4 || memcmp(it->f0.ptr, "from", 4) != 0) continue;
        uint8_t *value = it->f1.ptr, *end = value + it->f1.len;
        while (end - value >= 4 && memcmp(value, "sip:", 4) != 0) value++;
        if (end - value < 4) return false;
        *who = (text){.ptr = value + 4};
        while (who->ptr + who->len < end && !strchr("@>;", who->ptr[who->len])) who->len++;
        return is_utf8(who->ptr, who->len);
    }
    return false;
}

// What the service says: the amount in front, and the whole of it without white space around.
static bool judge(const rest_client_rest_response_t *reply, decision_t *decision, text *error) {
    if (reply->status == 404) return refuse(decision, 403, "Unknown Caller");
    if (reply->status != 200) return print(error, "billing answered with %u", reply->status);
    char *credit = need(reply->body.len + 1), *end;
    memcpy(credit, reply->body.ptr, reply->body.len);
    char *begin = credit + strspn(credit, " \t\n\v\f\r");
    for (end = begin + strlen(begin); end > begin && strchr(" \t\n\v\f\r", end[-1]); end--) end[-1] = 0;
    double amount = strtod(begin, &end);
    bool is_amount = end > begin && (*end == 0 || *end == ' ');
    bool is_decided;
    if (!is_utf8((uint8_t *)begin, strlen(begin))) {
        is_decided = print(error, "billing says what is no text");
    } else if (!is_amount) {
        is_decided = print(error, "billing says \"%s\", which is no amount", begin);
    } else {
        is_decided = amount > 0 ? go_on(decision, begin) : refuse(decision, 402, "Payment Required");
    }
    free(credit);
    return is_decided;
}

static bool decide(const request_t *request, decision_t *decision, text *error) {
    text who, escaped, url;
    if (!caller(request, &who)) return print(error, "nobody says who is calling");
    rest_client_rest_rest_escape(&who, &escaped);
    print(&url, "http://billing.service.internal/credit?caller=%.*s", (int)escaped.len, escaped.ptr);
    routing_plugin_string_free(&escaped);

    rest_client_rest_response_t reply;
    rest_client_rest_rest_error_t problem;
    bool is_decided;
    if (rest_client_rest_rest_get(&url, NULL, &reply, &problem)) {
        is_decided = judge(&reply, decision, error);
        rest_client_rest_response_free(&reply);
    } else if (problem.tag == REST_CLIENT_TYPES_REST_ERROR_TRANSFER_TIMEOUT) {
        is_decided = print(error, "billing took too long");
        rest_client_rest_rest_error_free(&problem);
    } else { // all others hold a text
        text why = problem.val.internal;
        is_decided = print(error, "%.*s", (int)why.len, why.ptr);
        rest_client_rest_rest_error_free(&problem);
    }
    routing_plugin_string_free(&url);
    return is_decided;
}

// With what is in its lists, and with its body: the generated function leaves these out (as of
// wit-bindgen 0.63), and an instance lives for thousands of requests.
static void free_request(request_t *request) {
    for (size_t i = 0; i < request->fields.len; i++)
        routing_plugin_tuple2_string_list_u8_free(&request->fields.ptr[i]);
    for (size_t i = 0; i < request->attributes.len; i++)
        routing_plugin_tuple2_string_string_free(&request->attributes.ptr[i]);
    if (request->body.is_some) routing_plugin_list_u8_free(&request->body.val.bytes);
    exports_routing_contract_router_request_free(request);
}

bool exports_routing_contract_router_check(text *error) {
    (void)error;
    return true;
}

bool exports_routing_contract_router_route(request_t *request, decision_t *decision, text *error) {
    bool is_decided = decide(request, decision, error);
    free_request(request);
    return is_decided;
}
