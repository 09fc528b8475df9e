// Lets those through who have credit. The service is asked by its name, `billing`.
// What is thrown here is a text: StarlingMonkey traps at an Error.

import { restEscape, restGet } from "rest:client/rest@0.1.0";

export const router = {
  check() {},

  route(request) {
    const url = `http://billing.service.internal/credit?caller=${restEscape(caller(request))}`;
    const reply = ask(url);
    if (reply.status === 404) return refusal(403, "Unknown Caller");
    if (reply.status !== 200) throw `billing answered with ${reply.status}`;
    const credit = text(reply.body).trim();
    const amount = Number(credit.split(" ")[0] || NaN);
    if (Number.isNaN(amount)) throw `billing says "${credit}", which is no amount`;
    return amount > 0 ? goOn(`credit ${credit}`) : refusal(402, "Payment Required");
  },
};

function ask(url) {
  try {
    return restGet(url, undefined);
  } catch ({ payload: { tag, val } }) {
    throw typeof val === "string" ? `${tag}: ${val}` : tag;
  }
}

/** Whom the proxy has authenticated; in SIP, if it has not, who the From claims to be. */
function caller({ protocol, attributes, fields }) {
  const user = new Map(attributes).get("user");
  if (user !== undefined) return user;
  const from = protocol === "sip" && fields.find(([name]) => name === "from");
  const match = from && text(from[1]).match(/sip:([^@>;]*)/);
  if (!match) throw "nobody says who is calling";
  return match[1];
}

/** UTF-8 without TextDecoder, which QuickJS lacks. */
function text(bytes) {
  try {
    return decodeURIComponent(bytes.toHex().replace(/../g, "%$&"));
  } catch {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  }
}

function goOn(reason) {
  const none = { destinations: [], removeFields: [], setFields: [], addFields: [], replyFields: [] };
  return { tag: "continue", val: { ...none, attributes: [["reason", reason]] } };
}

function refusal(code, reason) {
  return { tag: "answer", val: { code, reason, fields: [], body: new Uint8Array(), attributes: [] } };
}
