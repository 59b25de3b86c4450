// What the runtime loads: the handlers of worker.rs, as wasm-bindgen exports them. They are members of an object, because
// of a class the runtime would make another object for each request.

import { fetch, scheduled } from "worker";

/** How to fail each request that has no answer yet. */
const inFlight = new Set();

// When code traps, wasm-bindgen drops the module, and the next request gets a new one. The requests that were under way in the old
// one would never be answered. Each now answers for itself, because none may use what belongs to another.
function failAfterTrap(error) {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  for (const fail of inFlight) fail(error);
}

// Wasm is entered by `fetch` below and, for the rest of a request, where a promise is settled: what it throws there, nobody catches.
addEventListener("unhandledrejection", (event) => failAfterTrap(event.reason));
// @ts-expect-error The types of the platform lack this event.
addEventListener("error", (event) => failAfterTrap(event.error));

export default {
  fetch(request, env, context) {
    let mayAct;
    let fail;
    const answer = new Promise((resolve, reject) => {
      fail = reject;
      inFlight.add(fail);
      mayAct = fetch(request, env, context, resolve);
    });
    const told = answer.then(
      (response) => {
        inFlight.delete(fail);
        return response;
      },
      (error) => {
        inFlight.delete(fail);
        failAfterTrap(error);
        return internalError(request, error);
      },
    );
    // A runtime may give a request up when its client goes, which would be in the middle of whatever it does.
    if (mayAct) context.waitUntil(told);
    return told;
  },
  scheduled,
};

/** The answer of error.rs for a defect of ours, when no Rust is there to give it. */
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
