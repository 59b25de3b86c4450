// What the runtime loads: the handlers of worker.rs, as wasm-bindgen exports them. They are members of an object, because
// of a class the runtime would make another object for each request.

import { fetch, scheduled } from "worker";

export default {
  fetch: (request, env, context) => new Promise((resolve, reject) => fetch(request, env, context, resolve, reject)),
  scheduled,
};
