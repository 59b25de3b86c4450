// A fake of the part of Cloudflare's API that the real wrangler uses for `npm run deploy`, with one empty account.

import { once } from "node:events";
import { createServer } from "node:http";

const VERSION = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

/** Starts the fake. `state` is the content of the account, `calls` are the requests that changed it. */
export async function startCloudflare() {
  const state = { databases: [], namespaces: [], migrations: [], upload: null };
  const [calls, unknown] = [[], []];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url, "http://localhost");
    const path = url.pathname.replace("/client/v4", "").replace("/accounts/1/", "/");
    const call = `${request.method} ${path}`;
    if (request.method !== "GET") calls.push(call);
    const answer = answerTo(state, call, url.searchParams, Buffer.concat(chunks).toString("latin1"));
    if (!answer) unknown.push(call);
    const { status = 200, code, ...body } = answer ?? { status: 404, code: 1 };
    const errors = code ? [{ code, message: `the test says ${code}` }] : [];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ success: status === 200, errors, messages: [], result: null, ...body }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return {
    state,
    calls,
    unknown,
    version: VERSION,
    url: `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}/client/v4`,
    stop,
  };
}

function answerTo(state, call, query, text) {
  const page = (rows) => ({
    result: Number(query.get("page") ?? 1) > 1 ? [] : rows,
    result_info: { page: 1, count: rows.length },
  });
  const found = (value, code) => (value ? { result: value } : { status: 404, code });
  const { upload } = state;
  const routes = {
    "GET /user": () => ({ result: { id: "2", email: "ada@example.com" } }),
    "GET /user/tokens/verify": () => ({ result: { id: "3", status: "active" } }),
    "GET /accounts": () => page([{ id: "1", name: "Example" }]),
    "GET /memberships": () => page([{ id: "4", account: { id: "1", name: "Example" } }]),
    "GET /d1/database": () => page(state.databases),
    "POST /d1/database": () => ({
      result: add(state.databases, { uuid: "11111111-2222-4333-8444-555555555555", name: JSON.parse(text).name }),
    }),
    "POST /d1/database/*/query": () => ({
      result: [{ results: rowsOf(state, JSON.parse(text)), success: true, meta: {} }],
    }),
    "GET /storage/kv/namespaces": () => page(state.namespaces),
    "POST /storage/kv/namespaces": () => ({
      result: add(state.namespaces, { id: "0123456789abcdef0123456789abcdef", title: JSON.parse(text).title }),
    }),
    "GET /workers/subdomain": () => ({ result: { subdomain: "example" } }),
    "GET /workers/workers/postern": () =>
      found(
        upload && {
          id: "5",
          name: "postern",
          tags: [],
          observability: { enabled: true },
          subdomain: { enabled: true, previews_enabled: true },
        },
        10007,
      ),
    "GET /workers/services/postern": () =>
      found(
        upload && {
          default_environment: { environment: "production", script: { tag: "6", last_deployed_from: "wrangler" } },
        },
        10007,
      ),
    "GET /workers/scripts/postern/secrets": () => found(upload && [], 10007),
    "GET /workers/scripts/postern/settings": () => found(upload && { bindings: readable(upload) }, 10007),
    "GET /workers/scripts/postern/deployments": () => found(upload && { deployments: [deployment] }, 10007),
    [`GET /workers/scripts/postern/versions/${VERSION}`]: () => ({ result: version(upload) }),
    // All files are there already: this token means that nothing has to be uploaded.
    "POST /workers/scripts/postern/assets-upload-session": () => ({ result: { jwt: "e30.e30.e30", buckets: [] } }),
    "PUT /workers/scripts/postern": () => {
      state.upload = JSON.parse(text.match(/\{"main_module".*/)[0]);
      return { result: { id: "postern", tag: "6", deployment_id: VERSION.replaceAll("-", ""), startup_time_ms: 3 } };
    },
    "GET /workers/scripts/postern/subdomain": () => ({ result: { enabled: true, previews_enabled: true } }),
    "POST /workers/scripts/postern/subdomain": () => ({ result: { enabled: true, previews_enabled: true } }),
    "PUT /workers/scripts/postern/schedules": () => ({ result: {} }),
  };
  return routes[call.replace(/(?<=\/d1\/database\/)[^/]+/, "*")]?.();
}

const deployment = {
  id: "7",
  source: "wrangler",
  strategy: "percentage",
  created_on: "2026-01-01T00:00:00Z",
  versions: [{ version_id: VERSION, percentage: 100 }],
};

function version(upload) {
  const metadata = { created_on: "2026-01-01T00:00:00Z" };
  return {
    id: VERSION,
    number: 1,
    metadata,
    annotations: upload.annotations,
    resources: { bindings: readable(upload), script: {}, script_runtime: {} },
  };
}

/** Returns bindings as Cloudflare shows them: secrets without their values. */
function readable({ bindings }) {
  return bindings.map(({ text, ...binding }) => (binding.type === "secret_text" ? binding : { ...binding, text }));
}

function add(rows, row) {
  rows.push(row);
  return row;
}

/** A fake D1 with nothing but the table of migrations. */
function rowsOf(state, { sql }) {
  if (/INSERT INTO/.test(sql) && /d1_migrations/.test(sql)) state.migrations.push(...sql.match(/\d{4}_\w+\.sql/g));
  if (!/^\s*SELECT/.test(sql)) return [];
  return state.migrations.map((name, at) => ({ id: at + 1, name, applied_at: "2026-01-01 00:00:00" }));
}
