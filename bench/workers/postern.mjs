// The built Worker where Miniflare would count for it what Cloudflare does beside it. The rate limiter has its counters in
// memory: Miniflare's imitation is a Durable Object on SQLite, dearer than the statement that it stands before, and slower
// with every address that it has seen. And a line of the log is dropped: Miniflare takes it through a pipe and reads it on
// the processors that the bench measures with.

import postern from "./index.js";

/** A rate limiter with the interface that the Worker uses. Limits are those of wrangler.toml. */
class Ratelimit {
  #counts = new Map();
  #period = 0;
  #limit;
  #milliseconds;

  constructor(limit, seconds) {
    this.#limit = limit;
    this.#milliseconds = seconds * 1000;
  }

  async limit({ key }) {
    const period = Math.floor(Date.now() / this.#milliseconds);
    if (period !== this.#period) {
      this.#period = period;
      this.#counts.clear();
    }
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    return { success: count <= this.#limit };
  }
}

console.log = () => {};

let bindings;

export default {
  fetch(request, env, context) {
    bindings ??= { ...env, BURST: new Ratelimit(1000, 10), USER_WRITES: new Ratelimit(600, 60) };
    return postern.fetch(request, bindings, context);
  },
};
