"""The probe (tests/plugins/probe) in Python."""

from collections import Counter

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.configuration import AtCap, Config, configure
from wit_world.imports.environment import get_arguments
from wit_world.imports.rest import rest_get, rest_post
from wit_world.imports.transfers import Transfer, start_get, wait
from wit_world.imports.types import RequestOptions, RestError_TransferTimeout

PARAMETERS = {
    "defaults": lambda value: {},
    "transfer-timeout": lambda value: {"transfer_timeout": int(value)},
    "max-transfer-size": lambda value: {"max_transfer_size": int(value)},
    "cap": lambda value: {"max_async_transfers": int(value)},
    "cap-that-rejects": lambda value: {"max_async_transfers": int(value), "at_cap": AtCap.REJECT},
    "ssl-verifypeer": lambda value: {"ssl_verifypeer": value == "true"},
}


class Run(exports.Run):
    def run(self):
        base = get_arguments()[-1]
        while True:
            following = rest_get(f"{base}/next", None)
            if following.status != 204:
                rest_post(f"{base}/outcome", make(following.body.decode()).encode(), None, None)


def make(call):
    match call.split(" "):
        case ["get", url]:
            return told(lambda: rest_get(url, None))
        case ["get-within", time, url]:
            return told(lambda: rest_get(url, options(transfer_timeout=int(time))))
        case ["connect-within", time, url]:
            return told(lambda: rest_get(url, options(connection_timeout=int(time))))
        case ["follow", redirects, url]:
            return told(lambda: rest_get(url, options(max_redirects=int(redirects))))
        case ["with-field", name, value, url]:
            return told(lambda: rest_get(url, options(headers=[(name, value.encode())])))
        case ["post", size, url]:
            return told(lambda: rest_post(url, bytes(int(size)), None, None))
        case ["wait-within", time, url]:
            transfer = start_get(url, options(transfer_timeout=int(time)))
            wait([transfer])
            return told(lambda: Transfer.finish(transfer))
        case ["first", *urls]:
            return f"place {wait([start_get(url, None) for url in urls])[0]}"
        case ["many", count, url]:
            return many(int(count), url)
        case ["set", parameter, *value]:
            return configured(PARAMETERS[parameter](*(value or [None])))
    return f"no such call: {call}"


def many(count, url):
    running = [start_get(url, None) for _ in range(count)]
    outcomes = Counter()
    while running:
        for place in reversed(wait(running)):
            transfer = running.pop(place)
            outcomes[told(lambda: Transfer.finish(transfer))] += 1
    return ", ".join(f"{times} x {outcome}" for outcome, times in sorted(outcomes.items()))


def configured(parameters):
    try:
        configure(Config(**{**dict.fromkeys(Config.__annotations__), **parameters}))
    except Err as error:
        return f"refused {error.value.parameter}"
    return "set"


def options(headers=(), connection_timeout=None, transfer_timeout=None, max_redirects=None):
    return RequestOptions(list(headers), connection_timeout, transfer_timeout, max_redirects)


def told(ask):
    try:
        reply = ask()
    except Err as error:
        if isinstance(error.value, RestError_TransferTimeout):
            partial = error.value.value
            return f"transfer-timeout {partial.status} {len(partial.body)} bytes"
        name = type(error.value).__name__.removeprefix("RestError_")
        return "".join(f"-{it.lower()}" if it.isupper() else it for it in name).lstrip("-")
    long = f"{len(reply.body)} bytes"
    return f"{reply.status} {long if len(reply.body) > 50 else reply.body.decode()}"
