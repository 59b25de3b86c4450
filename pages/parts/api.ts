// The calls to /api/auth. The session is a cookie that no script can read; the browser sends it along by itself.

export interface User {
  id: string;
  email: string;
  name: string | null;
  role: "user" | "admin";
  tier: 0 | 1 | 2;
  is_active: boolean;
  is_verified: boolean;
  referrer_id: string | null;
  /** UNIX milliseconds, as all times. */
  created_at: number;
  updated_at: number;
}

export interface FieldProblem {
  loc: string[];
  msg: string;
  type: string;
}

/** An answer that is no success, in the words of the service. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** What is wrong with which field. */
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
  /** Whether the session that begins is to live in the cookie. */
  setsCookie?: boolean;
  /** The version of the state that a change is based on, where it is not in the body. */
  version?: number | null;
  /** The id of the user whose account this is about. The service refuses if the session belongs to another user. */
  actingAs?: string | undefined;
}

/** A successful answer. */
interface Answered<Answer> {
  body: Answer;
  headers: Headers;
}

/**
 * Sends a request to `/api/auth/<path>` and returns the body of its answer. Any answer that is no success, and none at
 * all, is thrown as a {@link Refusal}.
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
    answer?.error ?? `The service gave no answer that can be shown (status ${response.status}). Try again later.`,
    answer?.detail ?? [],
  );
}

/** The id of the user whom this page shows, once it is known. Another tab may sign in with another account. */
let shown: string | undefined;

/** Loads the signed-in user. From then on every {@link callSignedIn} acts for this user or for nobody. */
export async function loadOwnUser(): Promise<User> {
  const user = await callSignedIn<User>("GET", "me");
  shown = user.id;
  return user;
}

/**
 * As {@link call}, for pages that need a session. Without one, the page leaves for the sign-in page. If the session belongs to
 * another user than the one shown, nothing is done and the page is loaded again.
 */
export async function callSignedIn<Answer>(method: string, path: string, request?: Request): Promise<Answer> {
  return (await sendSignedIn<Answer>(method, path, request)).body;
}

/** A list, and how many items there are if not all of them are in it. */
export interface Listed<Item> {
  items: Item[];
  total: number;
}

/** As {@link callSignedIn}, for a list that is cut off at a maximum. */
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
    // The page is being left: this promise never settles.
    return new Promise(() => {});
  }
}
