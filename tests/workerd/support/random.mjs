// Random choices that a seed repeats.

/** `SEED` in the environment repeats a run that failed. */
export const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to `end`, without `end`. */
  below(end) {
    return Math.floor(this.next() * end);
  }

  chance(probability) {
    return this.next() < probability;
  }

  of(choices) {
    return choices[this.below(choices.length)];
  }

  /** `length` characters, each made by `character`. */
  text(length, character) {
    return Array.from({ length }, () => character()).join("");
  }
}
