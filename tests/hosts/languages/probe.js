// The probe (tests/plugins/probe) in JavaScript, for QuickJS: to it a u64 is a number, where
// StarlingMonkey wants a BigInt.

import { configure } from "rest:client/configuration@0.1.0";
import { restGet, restPost } from "rest:client/rest@0.1.0";
import { Transfer, startGet, wait } from "rest:client/transfers@0.1.0";
import { getArguments } from "wasi:cli/environment@0.2.12";

export const run = {
  run() {
    const base = getArguments().pop();
    for (;;) {
      const next = restGet(`${base}/next`, undefined);
      if (next.status !== 204) restPost(`${base}/outcome`, bytes(make(text(next.body))), undefined, undefined);
    }
  },
};

function make(call) {
  const [word, ...rest] = call.split(" ");
  const [first, second, third] = rest;
  switch (word) {
    case "get":
      return told(() => restGet(first, undefined));
    case "get-within":
      return told(() => restGet(second, { headers: [], transferTimeout: Number(first) }));
    case "connect-within":
      return told(() => restGet(second, { headers: [], connectionTimeout: Number(first) }));
    case "follow":
      return told(() => restGet(second, { headers: [], maxRedirects: Number(first) }));
    case "with-field":
      return told(() => restGet(third, { headers: [[first, bytes(second)]] }));
    case "post":
      return told(() => restPost(second, new Uint8Array(Number(first)), undefined, undefined));
    case "wait-within": {
      const transfer = startGet(second, { headers: [], transferTimeout: Number(first) });
      wait([transfer]);
      return told(() => Transfer.finish(transfer));
    }
    case "first": {
      const transfers = rest.map((url) => startGet(url, undefined));
      const place = wait(transfers)[0];
      // They would be in flight until the collector finds them.
      for (const transfer of transfers) transfer[Symbol.dispose]();
      return `place ${place}`;
    }
    case "many":
      return many(Number(first), second);
    case "set":
      return set(first, second);
    default:
      return `no such call: ${call}`;
  }
}

function many(count, url) {
  const running = Array.from({ length: count }, () => startGet(url, undefined));
  const outcomes = {};
  while (running.length > 0) {
    for (const place of [...wait(running)].reverse()) {
      const [transfer] = running.splice(place, 1);
      const outcome = told(() => Transfer.finish(transfer));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  }
  return Object.keys(outcomes).sort().map((outcome) => `${outcomes[outcome]} x ${outcome}`).join(", ");
}

function set(parameter, value) {
  const config = {
    defaults: {},
    "transfer-timeout": { transferTimeout: Number(value) },
    "max-transfer-size": { maxTransferSize: Number(value) },
    cap: { maxAsyncTransfers: Number(value) },
    "cap-that-rejects": { maxAsyncTransfers: Number(value), atCap: "reject" },
    "ssl-verifypeer": { sslVerifypeer: value === "true" },
  }[parameter];
  try {
    configure(config);
    return "set";
  } catch ({ payload }) {
    return `refused ${payload.parameter}`;
  }
}

function told(ask) {
  try {
    const { status, body } = ask();
    return body.length > 50 ? `${status} ${body.length} bytes` : `${status} ${text(body)}`;
  } catch ({ payload: { tag, val } }) {
    return tag === "transfer-timeout" ? `${tag} ${val.status} ${val.body.length} bytes` : tag;
  }
}

const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const text = (bytes) => String.fromCharCode(...bytes);
