// What the runtime loads: the handlers of worker.rs, as wasm-bindgen exports them. They are members of an object, because
// of a class the runtime would make another object for each request.

import { fetch, scheduled } from "worker";

export default {
  fetch(request, env, context) {
    let mayAct;
    const answer = new Promise((resolve) => {
      mayAct = fetch(request, env, context, resolve);
    });
    // A runtime may give a request up when its client goes, which would be in the middle of whatever it does.
    if (mayAct) context.waitUntil(answer);
    return answer;
  },
  scheduled,
};
