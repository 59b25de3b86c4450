// The built Worker without costs that it has only on Miniflare. The rate limiter counts in memory, because Miniflare's is a
// Durable Object on SQLite, which costs more than the query that it protects and gets slower with every address. Log lines
// are dropped, because Miniflare reads them through a pipe on the same processors.

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
