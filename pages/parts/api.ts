// Calls /api/auth. The session is an HttpOnly cookie, which the browser sends by itself.

export interface User {
  id: string;
  email: string;
  name: string | null;
  role: "user" | "admin";
  tier: 0 | 1 | 2;
  is_active: boolean;
  is_verified: boolean;
  referrer_id: string | null;
  /** UNIX milliseconds, like all times. */
  created_at: number;
  updated_at: number;
}

export interface FieldProblem {
  loc: string[];
  msg: string;
  type: string;
}

/** An error response of the service. `message` is meant for the user. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** The invalid fields. */
    readonly detail: FieldProblem[],
  ) {
    super(message);
  }
}

interface Request {
  json?: unknown;
  form?: Record<string, string>;
  /** A bearer token to use instead of the session cookie. */
  bearer?: string;
  /** Whether to keep the new session in the cookie. */
  setsCookie?: boolean;
  /** The version that the change is based on, if it is not in the body. */
  version?: number | null;
  /** The id of the user that the page shows. The service rejects the request if the session belongs to another user. */
  actingAs?: string | undefined;
}

/** A successful response. */
interface Answered<Answer> {
  body: Answer;
  headers: Headers;
}

/**
 * Sends a request to `/api/auth/<path>` and returns the body of the response. Throws a {@link Refusal} if the response
 * is an error or there is none.
 */
export async function call<Answer>(method: string, path: string, request: Request = {}): Promise<Answer> {
  return (await send<Answer>(method, path, request)).body;
}

async function send<Answer>(method: string, path: string, request: Request): Promise<Answered<Answer>> {
  const { json, form, bearer, setsCookie, version, actingAs } = request;
  const headers = new Headers();
  if (json !== undefined) headers.set("Content-Type", "application/json");
  if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
  if (setsCookie) headers.set("X-Session-Cookie", "set");
  if (version != null) headers.set("If-Match", `"${version}"`);
  if (actingAs !== undefined) headers.set("X-Acting-As", encodeURIComponent(actingAs));
  const body = json === undefined ? form && new URLSearchParams(form) : JSON.stringify(json);

  const response = await fetch(`/api/auth/${path}`, { method, headers, body }).catch(() => {
    throw new Refusal("unreachable", "The service cannot be reached. Check your connection and try again.", []);
  });
  const answer = await response.json().catch(() => null);
  if (response.ok) return { body: answer, headers: response.headers };
  throw new Refusal(
    answer?.code ?? "unexpected",
    answer?.error ?? `Something went wrong (status ${response.status}). Try again later.`,
    answer?.detail ?? [],
  );
}

/** The id of the user that this page shows, once known. Another tab may sign in with another account. */
let shown: string | undefined;

/** Loads the signed-in user. After that, {@link callSignedIn} acts only for this user. */
export async function loadOwnUser(): Promise<User> {
  const user = await callSignedIn<User>("GET", "me");
  shown = user.id;
  return user;
}

/**
 * Like {@link call}, for pages that need a session. If there is none, redirects to the sign-in page. If the session belongs to
 * a different user than the one shown, does nothing and reloads the page.
 */
export async function callSignedIn<Answer>(method: string, path: string, request?: Request): Promise<Answer> {
  return (await sendSignedIn<Answer>(method, path, request)).body;
}

/** A list that may be incomplete, with the total number of items. */
export interface Listed<Item> {
  items: Item[];
  total: number;
}

/** Like {@link callSignedIn}, for a list that the service cuts off at a maximum. */
export async function listSignedIn<Item>(path: string): Promise<Listed<Item>> {
  const { body, headers } = await sendSignedIn<Item[]>("GET", path);
  return { items: body, total: Number(headers.get("X-Total-Count") ?? body.length) };
}

async function sendSignedIn<Answer>(method: string, path: string, request: Request = {}): Promise<Answered<Answer>> {
  try {
    return await send<Answer>(method, path, { ...request, actingAs: shown });
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    if (fault.code === "account_changed") {
      location.reload();
    } else if (fault.code === "invalid_token") {
      const { pathname, hash } = location;
      location.replace(pathname === "/account" ? "/signin" : `/signin?next=${encodeURIComponent(pathname + hash)}`);
    } else {
      throw fault;
    }
    // The browser is leaving the page: this promise never settles.
    return new Promise(() => {});
  }
}
