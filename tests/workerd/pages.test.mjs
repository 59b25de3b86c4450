// The pages as served: their paths, headers and size.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { unstable_readConfig } from "wrangler";
import { descriptions, pages, paths, weight } from "../../scripts/lib/pages.mjs";
import { refused, send } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

test("every page is at its path, without a redirect", async () => {
  for (const path of paths) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await send(postern, method, path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8", path);
    }
  }
});

test("no page runs inline or foreign scripts, can be framed, or sends a referrer", async () => {
  for (const path of [...paths, "/assets/style.css", "/assets/signin.js"]) {
    const { headers } = await send(postern, "GET", path);
    const policy = Object.fromEntries(
      headers
        .get("content-security-policy")
        .split("; ")
        .map((directive) => {
          const [name, ...sources] = directive.split(" ");
          return [name, sources.join(" ")];
        }),
    );
    assert.deepEqual(
      policy,
      {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
      },
      path,
    );
    assert.equal(headers.get("referrer-policy"), "no-referrer", path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", path);
    const permissions = headers.get("permissions-policy").split(", ");
    assert.ok(permissions.includes("camera=()"), path);
    for (const use of ["get", "create"]) assert.ok(permissions.includes(`publickey-credentials-${use}=(self)`), path);
    assert.equal(headers.get("access-control-allow-origin"), null, path);
  }
});

test("all other paths are answered by the Worker", async () => {
  for (const path of ["/nothing", "/assets/nothing.js", "/signin/nothing", "/api/auth/signin", "/_headers"]) {
    refused(await send(postern, "GET", path), 404, "not_found");
  }
});

test("a browser gets a page for a path that does not exist, with the headers of all pages", async () => {
  const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
  const known = await send(postern, "GET", "/signin");
  // The files of the last two are for the Worker itself: the second one is at /dev/design, in local development only.
  for (const path of ["/nothing", "/signin/nothing", "/assets/nothing.js", "/not-found", "/design"]) {
    const answer = await send(postern, "GET", path, { headers: { accept } });
    assert.equal(answer.status, 404, path);
    assert.match(answer.text, /<title>Page not found/, path);
    for (const name of [
      "content-type",
      "content-security-policy",
      "referrer-policy",
      "x-content-type-options",
      "cross-origin-opener-policy",
    ])
      assert.equal(answer.headers.get(name), known.headers.get(name), name);
    assert.equal(answer.headers.get("cache-control"), "no-store", path);
  }
  refused(await send(postern, "GET", "/api/auth/nothing", { headers: { accept } }), 404, "not_found");
});

test("the icons, robots.txt and the address to change the password are at their places", async () => {
  const types = {
    "/favicon.ico": /^image\/(x-icon|vnd\.microsoft\.icon)$/,
    "/icon.svg": /^image\/svg\+xml$/,
    "/robots.txt": /^text\/plain/,
  };
  for (const [path, type] of Object.entries(types)) {
    const answer = await send(postern, "GET", path);
    assert.equal(answer.status, 200, path);
    assert.match(answer.headers.get("content-type"), type, path);
  }
  const change = await send(postern, "GET", "/.well-known/change-password");
  assert.deepEqual([change.status, change.headers.get("location")], [302, `${postern.url}/account#password`]);
  refused(await send(postern, "GET", "/.well-known/security.txt"), 404, "not_found");
});

test("search engines may read the pages that have a description for them, and no address with parameters", async () => {
  const robots = (await send(postern, "GET", "/robots.txt")).text.split("\n");
  for (const name of Object.keys(pages)) {
    const path = name === "index" ? "/" : `/${name}`;
    const { text: html } = await send(postern, "GET", path, { headers: { accept: "text/html" } });
    assert.equal(html.includes('<meta name="description"'), name in descriptions, path);
    assert.equal(robots.includes(`Allow: ${path}$`), name in descriptions, path);
  }
  assert.ok(robots.includes("Disallow: /"));
});

test("every page is served through the Worker, so that it can reject plain http", () => {
  const config = unstable_readConfig(
    { config: fileURLToPath(new URL("../../wrangler.toml", import.meta.url)) },
    { hideWarnings: true },
  );
  for (const path of paths) assert.ok(config.assets.run_worker_first.includes(path), path);
});

describe("outside local development", () => {
  let deployed;
  before(async () => {
    const settings = {
      ENVIRONMENT: "production",
      APP_URL: "https://app.example",
      MAIL_PROVIDER: "resend",
      MAIL_FROM: "a@app.example",
      RESEND_API_KEY: "key",
      DEFAULT_ADMIN: "restricted",
    };
    deployed = await startPostern({ settings });
  });
  after(() => deployed?.stop());

  test("a page requested over plain http is redirected to https", async () => {
    for (const path of [...paths, "/nothing", "/reset-password?token=a%20b"]) {
      const url = new URL(path, deployed.url);
      for (const method of ["GET", "HEAD"]) {
        const answer = await send(deployed, method, url.href);
        assert.deepEqual([answer.status, answer.headers.get("location")], [308, url.href.replace("http:", "https:")]);
      }
    }
  });

  test("an API call over plain http is rejected before anything else", async () => {
    for (const password of ["admin", "wrong"]) {
      const json = { email: "admin", password };
      const answer = await send(deployed, "POST", `${deployed.url}/api/auth/login`, { json });
      refused(answer, 400, "https_required");
    }
    assert.deepEqual(await deployed.sql("SELECT * FROM users"), []);
    assert.deepEqual(await deployed.sql("SELECT * FROM throttles"), []);
  });

  test("every response over https has Strict-Transport-Security", async () => {
    for (const path of [...paths, "/assets/style.css", "/api/auth/config", "/api/auth/me", "/health", "/nothing"]) {
      const { headers } = await send(deployed, "GET", path);
      assert.equal(headers.get("strict-transport-security"), "max-age=63072000", path);
    }
  });
});

test("script, style and texts of every page are at most 60 KB, gzipped", (context) => {
  for (const name of Object.keys(pages)) {
    const bytes = weight(name);
    context.diagnostic(`${name}: ${bytes} bytes, gzipped`);
    assert.ok(bytes <= 60_000, `${name}: ${bytes} bytes`);
  }
});
