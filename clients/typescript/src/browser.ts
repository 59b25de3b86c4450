// The session of the user in a page: who is signed in, in every tab, with the session in Postern's cookie. No framework is needed;
// `postern-client/react` is made of it.

import { ok, type Postern, PosternError, type User } from "./client.js";
import { isSigningIn } from "./paths.js";

/**
 * Who is signed in. `loading`: not known yet. `unavailable`: Postern cannot be reached, for example offline; `user` is then the last known
 * user.
 */
export type SessionState =
  | { readonly status: "loading"; readonly user: null }
  | { readonly status: "signed_in"; readonly user: User }
  | { readonly status: "signed_out"; readonly user: null }
  | { readonly status: "unavailable"; readonly user: User | null; readonly error: Error };

/** How old the state may be, in milliseconds, when the user comes back to the tab. */
const maxAge = 60_000;

const loading: SessionState = { status: "loading", user: null };
const signedOut: SessionState = { status: "signed_out", user: null };

/**
 * The session of this page. While it is started, it follows what other tabs do, and asks Postern again when the user comes back to the
 * tab or the browser is online again. These requests also renew the session.
 *
 * Each call of the client states which user the page shows. If another tab has signed in with another account meanwhile, Postern does
 * nothing and responds with 409 `account_changed`; the state then changes to the new user.
 */
export class BrowserSession {
  /** The state at the start, before anything is known but what the server has said. */
  readonly initial: SessionState;
  #state: SessionState;
  #listeners = new Set<() => void>();
  #loading: Promise<SessionState> | undefined;
  /** Grows with each sign-in and sign-out, so that older answers are ignored. */
  #epoch = 0;
  #loadedAt = 0;
  #channel: BroadcastChannel | undefined;
  #ends = new AbortController();
  #starts = 0;

  /** @param user The user that the server has rendered the page for, or null. Without it, the state is `loading` until it is known. */
  constructor(
    readonly postern: Postern,
    user?: User | null,
  ) {
    this.initial = user === undefined ? loading : stateOf(user);
    this.#state = this.initial;
    postern.use({
      onRequest: ({ request, schemaPath }) => {
        if (!postern.usesCookie || isSigningIn(schemaPath) || isOwn(schemaPath, request.method)) return;
        const { user } = this.#state;
        if (user && !request.headers.has("authorization"))
          request.headers.set("x-acting-as", encodeURIComponent(user.id));
      },
      onResponse: async ({ request, response, schemaPath }) => {
        if (isSigningIn(schemaPath) || isOwn(schemaPath, request.method)) return;
        if (response.status === 401 || (response.status === 409 && (await codeOf(response)) === "account_changed")) {
          this.load().catch(() => {});
        }
      },
    });
  }

  /** The current state. The same object until it changes. */
  get state(): SessionState {
    return this.#state;
  }

  /** Calls `listener` after each change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Starts to follow the session, in a browser. Returns a function that stops it. */
  start(): () => void {
    this.#starts += 1;
    if (this.#starts === 1) this.#follow();
    return () => {
      this.#starts -= 1;
      if (this.#starts > 0) return;
      this.#ends.abort();
      this.#channel?.close();
      this.#channel = undefined;
    };
  }

  #follow(): void {
    this.#ends = new AbortController();
    const { signal } = this.#ends;
    if (typeof BroadcastChannel !== "undefined") {
      this.#channel = new BroadcastChannel(`postern:${this.postern.url}`);
      this.#channel.onmessage = () => this.#reload();
    }
    addEventListener("online", () => this.#reload(), { signal });
    // A page from the back-forward cache has missed what other tabs did.
    addEventListener("pageshow", ({ persisted }) => persisted && this.#reload(), { signal });
    const comesBack = () => {
      if (document.visibilityState === "visible" && Date.now() - this.#loadedAt > maxAge) this.load();
    };
    document.addEventListener("visibilitychange", comesBack, { signal });
    this.load();
  }

  /** Asks again, even if a question is under way: its answer may be older than what has happened. */
  #reload(): void {
    this.#epoch += 1;
    this.#loading = undefined;
    this.load();
  }

  /** Asks Postern who is signed in. Calls at the same time share one request. Never rejects: see the state `unavailable`. */
  load(): Promise<SessionState> {
    if (this.#loading) return this.#loading;
    const asked = this.#ask(this.#epoch).finally(() => {
      if (this.#loading === asked) this.#loading = undefined;
    });
    this.#loading = asked;
    return asked;
  }

  async #ask(epoch: number): Promise<SessionState> {
    let next: SessionState;
    try {
      next = { status: "signed_in", user: await ok(this.postern.GET("/api/auth/me")) };
    } catch (error) {
      const isSignedOut = error instanceof PosternError && (error.status === 401 || error.status === 403);
      next = isSignedOut ? signedOut : { status: "unavailable", user: this.#state.user, error: error as Error };
    }
    if (epoch === this.#epoch) {
      this.#loadedAt = Date.now();
      this.#change(next);
    }
    return next;
  }

  /**
   * Adopts the user of a sign-in that has succeeded, and tells other tabs.
   *
   * @throws {CookieBlocked} if the browser has not kept the cookie.
   */
  async signedIn(user: User): Promise<void> {
    this.#epoch += 1;
    this.#loading = undefined;
    const state = await this.load();
    if (this.postern.usesCookie && state.status === "signed_out") throw new CookieBlocked();
    if (state.status === "unavailable") this.#change(stateOf(user));
    this.#channel?.postMessage("changed");
  }

  /**
   * Signs out, here and in other tabs. A session that has ended already is no error.
   *
   * @throws {PosternError} or the error of `fetch` if the session could not be ended, for example offline: the user is still signed in.
   */
  async signOut(): Promise<void> {
    const { error, response } = await this.postern.POST("/api/auth/logout");
    if (!response.ok && response.status !== 401) {
      await ok(Promise.resolve({ error, response }));
    }
    this.#epoch += 1;
    this.#loading = undefined;
    this.postern.tokens.set(null);
    this.#change(signedOut);
    this.#channel?.postMessage("changed");
  }

  #change(next: SessionState): void {
    const { status, user } = this.#state;
    // Nothing is rendered again if nothing has changed.
    if (status === next.status && status !== "unavailable" && JSON.stringify(user) === JSON.stringify(next.user))
      return;
    this.#state = next;
    for (const listener of this.#listeners) listener();
  }
}

/** The user has signed in, but the browser has not kept the cookie. */
export class CookieBlocked extends Error {
  override name = "CookieBlocked";
  readonly code = "cookie_blocked";

  constructor() {
    super("Your browser blocked the cookie of the sign-in. Allow cookies for this site, then sign in again.");
  }
}

function stateOf(user: User | null): SessionState {
  return user ? { status: "signed_in", user } : signedOut;
}

/** The request of {@link BrowserSession.load}. */
function isOwn(schemaPath: string, method: string): boolean {
  return schemaPath === "/api/auth/me" && method === "GET";
}

async function codeOf(response: Response): Promise<unknown> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}
