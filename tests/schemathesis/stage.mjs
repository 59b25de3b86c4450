// A Postern that resets before each request: it restores accounts, sessions and tokens and clears all counters, so that the
// thousandth request gets as far as the first.
//
// A proxy in front replaces the bearer tokens `user` and `admin` with real session tokens, and the example ids of the OpenAPI
// description with real ones.

import { once } from "node:events";
import { createServer, request as send } from "node:http";
import { adminToken, login, ok, resetToken, signUp, userToken } from "../workerd/support/client.mjs";
import { startPostern } from "../workerd/support/postern.mjs";

export async function startStage() {
  const postern = await startPostern({ rateLimit: 1_000_000 });
  try {
    const admin = await adminToken(postern);
    const user = await signUp(postern, "ada@example.com");
    const other = await signUp(postern, "bob@example.com");
    const scene = {
      tokens: { user: user.token, admin },
      reset: await resetToken(postern, "ada@example.com"),
      // The example ids of the description and the real ids.
      examples: [
        [/(?<=\/me\/tokens\/)aZ09aZ09aZ/, await userToken(postern, user.token)],
        [/(?<=\/me\/sessions\/)3f0c7a52[0-9a-f-]+/, await sessionId(postern, "ada@example.com")],
        [/(?<=\/admin\/users\/)a1d3e5f7[0-9a-f-]+/, other.user.id],
        [/(?<=\/admin\/users\/.*\/sessions\/)3f0c7a52[0-9a-f-]+/, await sessionId(postern, "bob@example.com")],
      ],
    };
    const restore = await snapshot(postern);
    const server = createServer((request, response) => {
      forward(postern, scene, restore, request, response).catch((error) => {
        console.error(`The state could not be restored: ${error.stack}`);
        response.writeHead(599).end();
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
      url: `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`,
      async stop() {
        server.closeAllConnections();
        server.close();
        await postern.stop();
      },
    };
  } catch (error) {
    await postern.stop();
    throw error;
  }
}

/** Creates a session and returns its id. */
async function sessionId(postern, email) {
  const { token } = ok(await login(postern, email));
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString()).sid;
}

/** Saves the contents of the stores. Returns a function that restores them. */
async function snapshot(postern) {
  const kept = {};
  for (const table of ["users", "sessions", "user_tokens"]) kept[table] = await postern.sql(`SELECT * FROM ${table}`);
  const records = [];
  for (const { name } of (await postern.kv.list()).keys) records.push([name, await postern.kv.get(name)]);

  return async () => {
    await postern.sql("DELETE FROM throttles");
    await postern.sql("DELETE FROM freezes");
    // Separately, because it ends sessions and resets.
    await postern.sql("UPDATE users SET is_active = 1, frozen_by = NULL, frozen_at = NULL WHERE is_active = 0");
    for (const [table, rows] of Object.entries(kept)) {
      for (const row of rows) {
        const names = Object.keys(row);
        const places = names.map(() => "?").join(", ");
        const others = names
          .slice(1)
          .map((name) => `${name} = excluded.${name}`)
          .join(", ");
        const query = `INSERT INTO ${table} (${names.join(", ")}) VALUES (${places}) ON CONFLICT (${names[0]}) DO UPDATE SET ${others}`;
        await postern.sql(query, ...Object.values(row));
      }
    }
    for (const [name, value] of records) await postern.kv.put(name, value);
  };
}

async function forward(postern, scene, restore, request, response) {
  const body = Buffer.concat(await Array.fromAsync(request));
  await restore();
  const { url, authorization } = staged(scene, request);
  const headers = request.rawHeaders.slice();
  for (let at = 0; at < headers.length; at += 2) {
    if (/^authorization$/i.test(headers[at])) headers[at + 1] = authorization;
    if (/^host$/i.test(headers[at])) headers[at + 1] = new URL(postern.url).host;
  }
  const { hostname, port } = new URL(postern.url);
  const onward = send({ hostname, port, method: request.method, path: url, headers, agent: false });
  onward.on("response", (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on("error", (error) => response.destroy(error));
  onward.end(body);
}

/** Replaces the placeholders of a request. */
function staged(scene, { url, headers: { authorization = "" } }) {
  const caller = authorization.replace(/^Bearer /, "");
  const isReset = url.startsWith("/api/auth/reset-password-with-token");
  const token = caller === "user" && isReset ? scene.reset : scene.tokens[caller];
  for (const [example, thing] of scene.examples) url = url.replace(example, thing);
  return { url, authorization: token === undefined ? authorization : `Bearer ${token}` };
}
