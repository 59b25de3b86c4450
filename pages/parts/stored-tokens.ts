// Tokens of sign-ins that go on in another tab or after a visit to another site. All tabs of the browser share them. A token alone opens
// nothing: it needs what only the email or the other site has.

/** What is stored with a token. */
export interface Stored {
  /** The id that comes back from the email or the other site. */
  id: string;
  expires_at: number;
}

/** The most tokens of a kind that a browser remembers. */
const LIMIT = 10;

/** The tokens of one kind, until they are used or have expired. */
export class StoredTokens<Item extends Stored> {
  readonly #key: string;
  /** For browsers that block storage: then a token works on the page that has asked for it. */
  #here: Item[] = [];

  constructor(key: string) {
    this.#key = key;
  }

  /** Remembers a token, instead of an earlier one with the same id. Returns whether other pages can find it. */
  remember(item: Item): boolean {
    return this.#write([item, ...this.#read().filter(({ id }) => id !== item.id)].slice(0, LIMIT));
  }

  /** Returns the token with this id, if this browser has asked for it. */
  recall(id: string): Item | undefined {
    return this.#read().find((item) => item.id === id);
  }

  /** Forgets a token that has been used. */
  forget({ id }: Stored): void {
    this.#write(this.#read().filter((item) => item.id !== id));
  }

  /** Calls back when another tab has used the token. Returns what ends this. */
  onUse({ id }: Stored, used: () => void): () => void {
    const listen = ({ key }: StorageEvent) => key === this.#key && !this.recall(id) && used();
    addEventListener("storage", listen);
    return () => removeEventListener("storage", listen);
  }

  #read(): Item[] {
    let all = this.#here;
    try {
      all = JSON.parse(localStorage.getItem(this.#key) ?? "[]");
    } catch {
      // Storage is blocked.
    }
    // Anything can be stored under this key, for example by another version.
    return Array.isArray(all) ? all.filter((item) => Date.now() < item?.expires_at) : [];
  }

  #write(all: Item[]): boolean {
    this.#here = all;
    try {
      if (all.length > 0) localStorage.setItem(this.#key, JSON.stringify(all));
      else localStorage.removeItem(this.#key);
      return true;
    } catch {
      // Storage is blocked or full.
      return false;
    }
  }
}
