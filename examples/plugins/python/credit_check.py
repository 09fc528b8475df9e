"""Lets those through who have credit. The service is asked by its name, `billing`."""

import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.decisions import (
    Answer,
    Changes,
    Decision_Answer,
    Decision_Continue,
    Protocol,
)
from wit_world.imports.rest import rest_escape, rest_get


class Router(exports.Router):
    def check(self):
        pass

    def route(self, request):
        url = f"http://billing.service.internal/credit?caller={rest_escape(caller(request))}"
        try:
            reply = rest_get(url, None)
        except Err as error:
            raise Err(str(error.value)) from error
        if reply.status == 404:
            return refusal(403, "Unknown Caller")
        if reply.status != 200:
            raise Err(f"billing answered with {reply.status}")
        credit = reply.body.decode(errors="replace").strip()
        try:
            amount = float(credit.partition(" ")[0])
        except ValueError as error:
            raise Err(f"billing says {credit!r}, which is no amount") from error
        return go_on(f"credit {credit}") if amount > 0 else refusal(402, "Payment Required")


def caller(request):
    """Whom the proxy has authenticated; in SIP, if it has not, who the From claims to be."""
    if (user := dict(request.attributes).get("user")) is not None:
        return user
    for name, value in request.fields if request.protocol == Protocol.SIP else []:
        if name == "from" and (uri := re.search("sip:([^@>;]*)", value.decode(errors="replace"))):
            return uri[1]
    raise Err("nobody says who is calling")


def go_on(reason):
    return Decision_Continue(Changes([], [], [], [], [], [("reason", reason)]))


def refusal(code, reason):
    return Decision_Answer(Answer(code, reason, [], b"", []))
