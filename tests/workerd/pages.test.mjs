// The pages as they are served: where they are, under which headers, and how heavy.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pages, paths, weight } from "../../scripts/lib/pages.mjs";
import { refused, send } from "./support/client.mjs";
import { startPostern } from "./support/postern.mjs";

let postern;
before(async () => {
  postern = await startPostern();
});
after(() => postern?.stop());

test("every page is at its path, without a detour", async () => {
  for (const path of paths) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await send(postern, method, path);
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8", path);
    }
  }
});

test("no page runs or loads anything of another origin or in its text, is framed, or tells where it was", async () => {
  for (const path of [...paths, "/assets/style.css", "/assets/signin.js"]) {
    const { headers } = await send(postern, "GET", path);
    const policy = Object.fromEntries(
      headers.get("content-security-policy").split("; ").map((directive) => {
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
    assert.ok(headers.get("permissions-policy").includes("camera=()"), path);
    assert.equal(headers.get("access-control-allow-origin"), null, path);
  }
});

test("whatever is no page is answered by the Worker", async () => {
  for (const path of ["/nothing", "/assets/nothing.js", "/signin/nothing", "/api/auth/signin", "/_headers"]) {
    refused(await send(postern, "GET", path), 404, "not_found");
  }
});

test("script and style of the page to sign in are at most 60 KB, gzipped", (context) => {
  for (const name of Object.keys(pages)) context.diagnostic(`${name}: ${weight(name)} bytes, gzipped`);
  assert.ok(weight("signin") <= 60_000);
});
