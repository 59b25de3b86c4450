// A client of Postern for browsers, Node and Workers: `openapi-fetch` with the types of the API's own description, and
// with the session token attached to every request and replaced when Postern gives a fresh one.

import createFetchClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";

export type User = components["schemas"]["User"];
export type Refusal = components["schemas"]["Refusal"];

/** Where the session token is kept between requests. */
export interface TokenStore {
  get(): string | null;
  set(token: string | null): void;
}

export interface Options {
  /** Where Postern answers: `https://auth.example.com`. */
  url: string;
  /** In memory, unless told otherwise: it ends with the page. */
  tokens?: TokenStore;
  fetch?: (request: Request) => Promise<Response>;
}

export interface Postern extends Client<paths> {
  readonly tokens: TokenStore;
}

/**
 * A client. Each call answers `{ data }` or `{ error }`, both typed by the operation.
 *
 * The token of a login or a sign-up is kept, a fresh one adopted (`X-Refresh-Token`), and one that Postern refuses with
 * 401 forgotten. A call that brings its own `Authorization` header changes nothing of that.
 */
export function createClient({ url, tokens = inMemory(), fetch }: Options): Postern {
  const client = createFetchClient<paths>({ baseUrl: url, ...(fetch && { fetch }) });
  client.use(session(tokens));
  return Object.assign(client, { tokens });
}

/** What a refused call throws when it goes through {@link ok}. */
export class PosternError extends Error {
  override name = "PosternError";

  constructor(
    /** The HTTP status; 0 when the answer was none of Postern's. */
    readonly status: number,
    /** The stable name of the refusal, such as `wrong_credentials`. */
    readonly code: string,
    /** A sentence for a person. */
    message: string,
    /** With `invalid_fields`, every faulty field. */
    readonly detail: components["schemas"]["FieldProblem"][],
    /** Seconds to wait, with 429 and 503. */
    readonly retryAfter: number | undefined,
    /** What to tell when it is reported. */
    readonly requestId: string | undefined,
    /** With `precondition_failed`, the present state of what the change was about. */
    readonly current: Refusal["current"],
  ) {
    super(message);
  }
}

/**
 * The body of a call that must succeed: `await ok(postern.GET("/api/auth/me"))`.
 *
 * @throws {PosternError} when it is refused.
 */
export async function ok<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok && data !== undefined) return data;
  const refusal = isRefusal(error) ? error : undefined;
  const retryAfter = Number(response.headers.get("retry-after") ?? undefined);
  throw new PosternError(
    response.status,
    refusal?.code ?? "unknown",
    refusal?.error ?? `The service answered ${response.status}.`,
    refusal?.detail ?? [],
    Number.isNaN(retryAfter) ? undefined : retryAfter,
    response.headers.get("x-request-id") ?? undefined,
    refusal?.current,
  );
}

function isRefusal(error: unknown): error is Refusal {
  return typeof error === "object" && error !== null && "code" in error && "error" in error;
}

function inMemory(): TokenStore {
  let kept: string | null = null;
  return {
    get: () => kept,
    set: (token) => {
      kept = token;
    },
  };
}

/** What answers a session that has just begun. */
const beginnings = ["/api/auth/login", "/api/auth/signup"];

function session(tokens: TokenStore): Middleware {
  // The token that a request carried: while it was on its way, another may have taken that token's place.
  const carried = new WeakMap<Request, string>();
  return {
    onRequest({ request, schemaPath }) {
      const token = tokens.get();
      if (token === null || request.headers.has("authorization") || beginnings.includes(schemaPath)) return;
      request.headers.set("authorization", `Bearer ${token}`);
      carried.set(request, token);
    },
    async onResponse({ request, response, schemaPath }) {
      if (response.ok && beginnings.includes(schemaPath)) {
        const { token } = (await response.clone().json()) as { token: string };
        tokens.set(token);
      }
      if (carried.get(request) !== tokens.get()) return;
      const fresh = response.headers.get("x-refresh-token");
      if (fresh !== null) tokens.set(fresh);
      if (response.status === 401) tokens.set(null);
    },
  };
}
