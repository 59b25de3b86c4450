// A client of Postern for browsers, Node and Workers: `openapi-fetch` with types generated from Postern's OpenAPI
// description. It attaches the session token to every request and replaces it when Postern refreshes it.

import createFetchClient, { type Client, type Middleware } from "openapi-fetch";
import { isSigningIn, startsSession } from "./paths.js";
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";

export type User = components["schemas"]["User"];
export type Refusal = components["schemas"]["Refusal"];
export type FieldProblem = components["schemas"]["FieldProblem"];
export type SecondStep = components["schemas"]["SecondStep"];
export type Reauthentication = components["schemas"]["Reauthentication"];

/** Stores the session token between requests. */
export interface TokenStore {
  get(): string | null;
  set(token: string | null): void;
}

export interface Options {
  /** The address of Postern: `https://auth.example.com`. In a page on Postern's own origin, it can be empty. */
  url: string;
  /**
   * Where the session is. `token`: in `tokens`, for servers and apps outside of browsers. `cookie`: in the `HttpOnly` cookie of Postern,
   * which survives a reload and which no script can read, for pages on Postern's origin or on one of its setting `APP_ORIGINS`. The
   * default is `token`.
   */
  session?: "token" | "cookie";
  /** Where to store the session token, unless the session is in the cookie. The default is memory, which a reload of the page clears. */
  tokens?: TokenStore;
  /** The function that sends requests. The default is the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

export interface Postern extends Client<paths> {
  readonly tokens: TokenStore;
  /** The address of Postern. */
  readonly url: string;
  /** Whether the session is in the cookie. */
  readonly usesCookie: boolean;
}

/**
 * Creates a client. Each call returns `{ data }` or `{ error }`, both typed by the operation.
 *
 * The client stores the token of a login or a sign-up, replaces it when it is refreshed (`X-Refresh-Token`), and removes
 * it when Postern rejects it with 401. A call with its own `Authorization` header does not change the stored token. With the session in
 * the cookie, it stores nothing.
 */
export function createClient({ url, session = "token", tokens = inMemory(), fetch }: Options): Postern {
  const usesCookie = session === "cookie";
  const credentials = usesCookie && { credentials: "include" as const };
  const client = createFetchClient<paths>({ baseUrl: url, ...credentials, ...(fetch && { fetch }) });
  client.use(usesCookie ? inCookie() : inTokens(tokens));
  return Object.assign(client, { tokens, url, usesCookie });
}

/** The error that {@link ok} throws. */
export class PosternError extends Error {
  override name = "PosternError";

  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The error code, such as `wrong_credentials`. `unknown` if the response is not one of Postern's errors. */
    readonly code: string,
    /** A sentence to show to the user. */
    message: string,
    /** Every invalid field, if the code is `invalid_fields`. */
    readonly detail: FieldProblem[],
    /** Seconds to wait before a retry, with 429 and 503. */
    readonly retryAfter: number | undefined,
    /** The id of the request in Postern's log. */
    readonly requestId: string | undefined,
    /** The current state, if the code is `precondition_failed`. */
    readonly current: Refusal["current"],
    /** What the second step of the sign-in needs, if the code is `second_factor_required`. */
    readonly secondStep?: SecondStep,
    /** The ways to confirm who the user is, if the code is `reauthentication_required`. */
    readonly reauthentication?: Reauthentication,
  ) {
    super(message);
  }
}

/**
 * Returns the body of a successful response: `await ok(postern.GET("/api/auth/me"))`.
 *
 * @throws {PosternError} if the response is an error.
 */
export async function ok<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (response.ok && data !== undefined) return data;
  const refusal = isRefusal(error) ? error : undefined;
  const retryAfter = Number(response.headers.get("retry-after") ?? undefined);
  const detail = refusal?.detail;
  throw new PosternError(
    response.status,
    refusal?.code ?? "unknown",
    refusal?.error ?? `The service responded with status ${response.status}.`,
    Array.isArray(detail) ? detail : [],
    Number.isNaN(retryAfter) ? undefined : retryAfter,
    response.headers.get("x-request-id") ?? undefined,
    refusal?.current,
    refusal?.code === "second_factor_required" ? (detail as SecondStep) : undefined,
    refusal?.code === "reauthentication_required" ? (detail as Reauthentication) : undefined,
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

function inCookie(): Middleware {
  return {
    onRequest({ request, schemaPath }) {
      if (startsSession(schemaPath)) request.headers.set("x-session-cookie", "set");
    },
  };
}

function inTokens(tokens: TokenStore): Middleware {
  // The token of each request, because the stored token may change before the response arrives.
  const carried = new WeakMap<Request, string>();
  return {
    onRequest({ request, schemaPath }) {
      const token = tokens.get();
      if (token === null || request.headers.has("authorization") || isSigningIn(schemaPath)) return;
      request.headers.set("authorization", `Bearer ${token}`);
      carried.set(request, token);
    },
    async onResponse({ request, response, schemaPath }) {
      // A response with the status 202 has no token of a session: the user has to do something first, or to wait.
      if (response.status === 200 && startsSession(schemaPath)) {
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
