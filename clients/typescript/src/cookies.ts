// The session cookies of Postern, for servers that receive them.

/**
 * The names of the session cookies, in the order in which servers look for them. `__Host-session` reaches servers on Postern's own host.
 * `__Secure-session` reaches all hosts below Postern's setting `SESSION_COOKIE_DOMAIN`. `local-session` is that of local development
 * over plain http, and counts only there.
 */
export const sessionCookieNames = ["__Host-session", "__Secure-session", "local-session"] as const;

export interface CookieOptions {
  /** The origins of other pages that can change something with the cookie. Without it, only pages of the server's own origin can. */
  origins?: readonly string[];
}

/** What {@link sessionCookie} reads of a request. */
type Received = Pick<Request, "method" | "url" | "headers">;

/**
 * Returns the session token in the cookies of a request, which is not verified yet. Returns `foreign_origin` if there is a token, but the
 * request can change something and comes from another origin.
 */
export function sessionCookie(request: Received, { origins = [] }: CookieOptions = {}): string | undefined {
  const { hostname } = new URL(request.url);
  const token = tokenOf(request.headers.get("cookie") ?? "", isLoopback(hostname));
  if (token === undefined) return undefined;
  return onlyReads(request) || isFromPageOf(request, origins) ? token : "foreign_origin";
}

/**
 * Two cookies of the same name count as none: a neighboring host can have added one. To browsers, white space other than spaces and tabs is
 * part of a name, which the prefix `__Host-` then does not protect.
 */
function tokenOf(header: string, isLocal: boolean): string | undefined {
  const pairs = header.split(";").map((pair) => pair.replace(/^[ \t]+/, ""));
  for (const name of sessionCookieNames) {
    if (name === "local-session" && !isLocal) continue;
    const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
    if (values.length > 1) return undefined;
    if (values[0]) return values[0];
  }
  return undefined;
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "127.0.0.1" || hostname === "[::1]"
  );
}

/** Any page can open a WebSocket, which begins with a GET. */
function onlyReads({ method, headers }: Received): boolean {
  return (method === "GET" || method === "HEAD") && !headers.has("upgrade");
}

/** Browsers let no page choose these two headers. */
function isFromPageOf({ url, headers }: Received, origins: readonly string[]): boolean {
  const origin = headers.get("origin");
  if (origin !== null && (origin === new URL(url).origin || origins.includes(origin))) return true;
  return headers.get("sec-fetch-site") === "same-origin";
}
