// What the runtime loads: the handlers of worker.rs, as wasm-bindgen exports them. They are members of an object, because
// of a class the runtime would make another object for each request.

import { fetch, scheduled } from "worker";

export default {
  fetch(request, env, context) {
    const answer = new Promise((resolve, reject) => fetch(request, env, context, resolve, reject));
    // Otherwise the runtime gives a request up when its client goes, in the middle of whatever it does, and what it has in the
    // memory of wasm would stay there.
    context.waitUntil(answer);
    return answer;
  },
  scheduled,
};
