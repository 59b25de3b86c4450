// A server with two endpoints: `/` needs a session, `/sensitive` needs a second factor and a sign-in in the last 5 minutes.
// POSTERN_URL is the address of Postern, POSTERN_ISSUER its APP_URL if that differs.

import { createServer } from "node:http";
import { Refused, verifier } from "./verify.mjs";

const { POSTERN_URL = "http://localhost:8787", POSTERN_ISSUER = POSTERN_URL, PORT = "3000" } = process.env;
const verify = verifier(POSTERN_URL, POSTERN_ISSUER);

const server = createServer(async (request, response) => {
  const send = (status, body) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  try {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const needs = request.url === "/sensitive" ? { minLevel: 2, maxAge: 300 } : {};
    const { userId, role, tier } = await verify(token, needs);
    send(200, { user_id: userId, role, tier });
  } catch (error) {
    if (error instanceof Refused) send(error.status, { code: error.code });
    else send(500, { code: "internal_error" });
  }
});
server.listen(Number(PORT), "localhost", () => console.log(`Listening on http://localhost:${server.address().port}`));
