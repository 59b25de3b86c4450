// Next.js: protects routes in the middleware (`proxy.ts` since Next.js 16), and tells server components who the user is. It imports
// nothing of Next.js, and works in the edge runtime.

import { signInPage } from "./sign-in-page.js";
import { Unverified, type Verified, type VerifyOptions, verify } from "./verify.js";

export type { Verified, VerifyOptions } from "./verify.js";

export interface ProtectOptions extends VerifyOptions {
  /** Postern's `APP_URL`, whose page `/signin` users are sent to. The default is `issuer`, or `url`. */
  appUrl?: string;
  /**
   * The address of this app as users see it, if it differs from that of the request, for example behind a proxy:
   * `https://app.example.com`.
   */
  origin?: string;
}

/**
 * Returns middleware that lets requests with a session pass, by bearer token or cookie.
 *
 * It redirects visits of pages to `<appUrl>/signin?next=…`, which leads back if Postern's setting `APP_ORIGINS` has the origin of this app.
 * All other requests, such as calls of API routes, get 401, 403 or 503 in the format of Postern's errors. If Postern cannot be reached, pages
 * get 503 too, so an outage does not sign users out.
 */
export function protect(options: ProtectOptions): (request: Request) => Promise<Response | undefined> {
  return async (request) => {
    try {
      await verify(request, { ...options, cookie: options.cookie ?? true });
      return undefined;
    } catch (error) {
      if (!(error instanceof Unverified)) throw error;
      return error.status === 401 && isVisit(request) ? toSignIn(request, options) : error.toResponse();
    }
  };
}

/**
 * Returns the session of the request that a server component or a server action works on, or null if there is none:
 * `await getSession(await headers(), options)`. In a route handler, call `verify` of `postern-client/verify` with `cookie: true`, which
 * also checks where the request comes from.
 *
 * Call it wherever data is read, and do not rely on the middleware alone: Next.js can run a component without it.
 *
 * @throws {Unverified} with the status 503 if Postern cannot be reached.
 */
export async function getSession(headers: Headers | ReadonlyHeaders, options: VerifyOptions): Promise<Verified | null> {
  const host = headers.get("host") ?? "localhost";
  // Next.js itself compares the origins of server actions.
  const request = new Request(`https://${host}`, { headers: new Headers([...headers.entries()]) });
  try {
    return await verify(request, { ...options, cookie: options.cookie ?? true });
  } catch (error) {
    if (error instanceof Unverified && error.status !== 503) return null;
    throw error;
  }
}

/** The headers that Next.js passes to server components. */
export interface ReadonlyHeaders {
  get(name: string): string | null;
  entries(): IterableIterator<[string, string]>;
}

/** A browser that opens a page, not a script that calls an API. */
function isVisit({ method, headers }: Request): boolean {
  if (method !== "GET" && method !== "HEAD") return false;
  const mode = headers.get("sec-fetch-mode");
  return mode === null ? (headers.get("accept") ?? "").includes("text/html") : mode === "navigate";
}

function toSignIn(request: Request, { appUrl, issuer, url, origin }: ProtectOptions): Response {
  const visited = new URL(request.url);
  const next = `${origin ?? visited.origin}${visited.pathname}${visited.search}`;
  const location = signInPage(appUrl ?? issuer ?? url, next);
  return new Response(null, { status: 307, headers: { location, "cache-control": "no-store" } });
}
