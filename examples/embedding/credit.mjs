// Asks a service from Node: the component of rest-client, without a plugin.
//
// npm install @bytecodealliance/jco@1.35.0; rest-client component --output rest-client.wasm
// npx jco transpile rest-client.wasm --multi-memory --out-dir rest-client

import { rest } from "./rest-client/rest-client.js";

try {
  const { status, body } = rest.restGet(process.argv[2], undefined);
  console.log(status, new TextDecoder().decode(body));
} catch (error) {
  if (error.payload === undefined) throw error;
  console.log(error.payload.tag, error.payload.val);
}
process.exit(); // the threads that jco has started keep Node alive
