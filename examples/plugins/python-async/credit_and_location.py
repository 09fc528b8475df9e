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
    """What ends a decision before both have answered."""


class Router(exports.Router):
    async def check(self):
        pass

    async def route(self, request):
        user = dict(request.attributes).get("user")
        if user is None:
            raise Err("nobody says who is calling")
        try:
            # Whatever ends first with an error ends the other question, too.
            async with asyncio.TaskGroup() as both:
                money = both.create_task(credit(user))
                places = both.create_task(destinations(request.target))
        except ExceptionGroup as group:
            ended = group.exceptions[0]
            if not isinstance(ended, Refused):
                raise ended from None
            return Decision_Answer(Answer(*ended.args, [], b"", []))
        reason = [("reason", f"credit {money.result()}")]
        return Decision_Continue(Changes(places.result(), [], [], [], [], reason))


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
