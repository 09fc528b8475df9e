"""For WASI 0.3: asks `billing` and `location` at the same time, and decides by both."""

import asyncio

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.decisions import (
    Answer,
    Changes,
    Decision_Answer,
    Decision_Continue,
    Destination,
)
from wit_world.imports.rest import rest_escape, rest_get


class Refused(Exception):
    """A service says no."""


class Router(exports.Router):
    async def check(self):
        pass

    async def route(self, request):
        user = dict(request.attributes).get("user")
        if user is None:
            raise Err("nobody says who is calling")
        # Both are waited for: componentize-py 0.25 can't leave a question open, as for a
        # refusal that makes the other answer needless. The plugin would trap.
        money, places = await asyncio.gather(
            credit(user), destinations(request.target), return_exceptions=True
        )
        for answer in (money, places):
            if isinstance(answer, Refused):
                return Decision_Answer(Answer(*answer.args, [], b"", []))
            if isinstance(answer, Exception):
                raise answer
        reason = [("reason", f"credit {money}")]
        return Decision_Continue(Changes(places, [], [], [], [], reason))


async def credit(user):
    reply = await ask(f"http://billing.service.internal/credit?caller={rest_escape(user)}")
    if reply.status == 404:
        raise Refused(403, "Unknown Caller")
    text = reply.body.decode(errors="replace").strip()
    try:
        amount = float(text.partition(" ")[0])
    except ValueError as error:
        raise Err(f"billing says {text!r}, which is no amount") from error
    if amount <= 0:
        raise Refused(402, "Payment Required")
    return text


async def destinations(target):
    reply = await ask(f"http://location.service.internal/where?is={rest_escape(target)}")
    if reply.status == 404:
        raise Refused(404, "Not Found")
    lines = reply.body.decode(errors="replace").splitlines()
    return [destination(*line.partition(" ")) for line in lines]


def destination(uri, _, preference):
    return Destination(uri, None, int(preference) if preference else None, [], [])


async def ask(url):
    try:
        reply = await rest_get(url, None)
    except Err as error:
        raise Err(str(error.value)) from error
    if reply.status not in (200, 404):
        raise Err(f"{url.split('/')[2]} answered with {reply.status}")
    return reply
