// Three hosts below one registrable domain, over https: Postern at `auth`, an app at `app`, and a host of someone else at `evil`.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostern } from "../../workerd/support/postern.mjs";
import { SITE } from "./browser.mjs";

/** Starts the hosts. `settings` gets their origins. `outbound` is that of {@link startPostern}. */
export async function startSubdomains(settings, outbound = undefined) {
  const received = { app: [], evil: [] };
  const responders = {};
  const server = createServer(certificate(), async (request, response) => {
    const [name] = request.headers.host.split(".");
    try {
      if (name === "auth") return await pass(request, response);
      received[name].push(request.headers.cookie ?? "");
      const { headers = {}, body = "<!doctype html><title>page</title>" } = (await responders[name]?.(request)) ?? {};
      response.writeHead(200, { "content-type": "text/html", ...headers }).end(body);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  const [auth, app, evil] = ["auth", "app", "evil"].map((name) => `https://${name}.${SITE}:${port}`);
  const postern = await startPostern({ settings: { APP_URL: auth, ...settings({ auth, app, evil }) }, outbound });

  async function pass(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { connection, "accept-encoding": _, "content-length": __, ...headers } = request.headers;
    const answer = await postern.fetch(`${auth}${request.url}`, {
      method: request.method,
      headers,
      body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
    });
    response.statusCode = answer.status;
    for (const [key, value] of answer.headers) {
      if (!["content-encoding", "content-length", "transfer-encoding", "set-cookie"].includes(key))
        response.setHeader(key, value);
    }
    response.setHeader("set-cookie", answer.headers.getSetCookie());
    response.end(Buffer.from(await answer.arrayBuffer()));
  }

  return {
    auth,
    app,
    evil,
    postern,
    /** The cookies that the hosts have received. */
    received,
    /** What the hosts respond, by name. Without a function, an empty page. */
    responders,
    async stop() {
      server.closeAllConnections();
      server.close();
      await postern.stop();
    },
  };
}

/** A key and a certificate that nobody trusts. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), "postern-certificate-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  try {
    const subject = ["-subj", `/CN=${SITE}`, "-addext", `subjectAltName=DNS:*.${SITE}`];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    execFileSync("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject], { stdio: "pipe" });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
