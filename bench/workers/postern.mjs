// The built Worker where Miniflare would count for it what Cloudflare does beside it. The rate limiter has its counters in
// memory: Miniflare's imitation is a Durable Object on SQLite, dearer than the statement that it stands before, and slower
// with every address that it has seen. And a line of the log is dropped: Miniflare takes it through a pipe and reads it on
// the processors that the bench measures with.

import postern from "./index.js";

/** Of the name by which the Worker knows its limiter. */
class Ratelimit {
  #counts = new Map();
  #period = 0;

  async limit({ key }) {
    const period = Math.floor(Date.now() / 10_000);
    if (period !== this.#period) {
      this.#period = period;
      this.#counts.clear();
    }
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return { success: count <= 1000 };
  }
}

console.log = () => {};

let bindings;

export default {
  fetch(request, env, context) {
    bindings ??= { ...env, BURST: new Ratelimit() };
    return postern.fetch(request, bindings, context);
  },
};
