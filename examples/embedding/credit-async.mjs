// Asks services from Node without keeping it waiting: the component for WASI 0.3, without a
// plugin.
//
// npm install @bytecodealliance/jco@1.35.0; rest-client component --wasi 0.3 --output rest-client.wasm
// npx jco transpile rest-client.wasm --multi-memory --out-dir rest-client-async
// node --experimental-wasm-jspi credit-async.mjs URL…

import { rest } from "./rest-client-async/rest-client.js";

const ask = async (url) => {
  const { status, body } = await rest.restGet(url, { headers: [], transferTimeout: 2000n });
  return `${status} ${new TextDecoder().decode(body)}`;
};
for (const { value, reason } of await Promise.allSettled(process.argv.slice(2).map(ask))) {
  console.log(value ?? `${reason.payload?.tag ?? reason} ${reason.payload?.val ?? ""}`);
}
process.exit(); // what jco has started keeps Node alive
