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
  /** A bearer in the place of the session: a reset token. */
  bearer?: string;
  /** Whether the session that begins is to live in the cookie. */
  setsCookie?: boolean;
}

/**
 * Sends a request to `/api/auth/<path>` and returns the body of its answer. Any answer that is no success, and none at
 * all, is thrown as a {@link Refusal}.
 */
export async function call<Answer>(method: string, path: string, request: Request = {}): Promise<Answer> {
  const { json, form, bearer, setsCookie } = request;
  const headers = new Headers();
  if (json !== undefined) headers.set("Content-Type", "application/json");
  if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
  if (setsCookie) headers.set("X-Session-Cookie", "set");
  const body = json === undefined ? form && new URLSearchParams(form) : JSON.stringify(json);

  const response = await fetch(`/api/auth/${path}`, { method, headers, body }).catch(() => {
    throw new Refusal("unreachable", "The service cannot be reached. Check your connection and try again.", []);
  });
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  throw new Refusal(
    answer?.code ?? "unexpected",
    answer?.error ?? `The service gave no answer that can be shown (status ${response.status}). Try again later.`,
    answer?.detail ?? [],
  );
}

/** As {@link call}, for pages behind the sign-in: whoever has no session any more is led there. */
export async function callSignedIn<Answer>(method: string, path: string, request?: Request): Promise<Answer> {
  try {
    return await call<Answer>(method, path, request);
  } catch (fault) {
    if (!(fault instanceof Refusal && fault.code === "invalid_token")) throw fault;
    const { pathname, hash } = location;
    location.replace(pathname === "/account" ? "/signin" : `/signin?next=${encodeURIComponent(pathname + hash)}`);
    // The page is being left: what waits for the answer waits for ever.
    return new Promise(() => {});
  }
}
