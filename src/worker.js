// The entry point of the runtime, with the handlers that wasm-bindgen exports from worker.rs. They are members of an object,
// because the runtime would create another object per request for a class.

import { fetch, scheduled } from "worker";

/** Functions that fail each request that has no response yet. */
const inFlight = new Set();

// After a trap, wasm-bindgen drops the module, and the next request gets a new one. Requests in progress in the old module would
// never get a response, so each one fails here.
function failAfterTrap(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  for (const fail of inFlight) fail(error);
}

// WebAssembly is entered by `fetch` below and, for the rest of a request, where a promise settles. Nothing catches what it throws
// there.
addEventListener("unhandledrejection", (event) => failAfterTrap(event.reason));
// @ts-expect-error The types of the platform lack this event.
addEventListener("error", (event) => failAfterTrap(event.error));

export default {
  fetch(request, env, context) {
    let mayAct;
    let fail;
    const response = new Promise((resolve, reject) => {
      fail = reject;
      inFlight.add(fail);
      mayAct = fetch(request, env, context, resolve);
    });
    const settled = response.then(
      (value) => {
        inFlight.delete(fail);
        return value;
      },
      (error) => {
        inFlight.delete(fail);
        failAfterTrap(error);
        return internalError(request, error);
      },
    );
    // The runtime can cancel a request when its client leaves, in the middle of whatever it does.
    if (mayAct) context.waitUntil(settled);
    return settled;
  },
  scheduled,
};

/** Returns the response of error.rs to an internal error, when no Rust code can. */
function internalError(request, error) {
  const id = crypto.randomUUID();
  console.error(`request ${id}: 500: ${error}`);
  const body = {
    error: `Something went wrong on our side. Please report the request id ${id}.`,
    code: "internal_error",
    detail: null,
  };
  const headers = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Request-Id": id };
  if (request.url.startsWith("https:")) headers["Strict-Transport-Security"] = "max-age=63072000";
  return new Response(request.method === "HEAD" ? null : JSON.stringify(body), {
    status: 500,
    headers: { "Content-Type": "application/json", ...headers },
  });
}
