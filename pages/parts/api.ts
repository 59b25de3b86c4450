// Calls /api/auth. The session is an HttpOnly cookie, which the browser sends by itself.

import { language, t } from "../languages";
import { forgetSession, rememberSession } from "./known-session";
import { leaveFor, reload } from "./leave";
import type { Method } from "./proof";

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
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    /** The invalid fields, or what a step that the service asks for needs. */
    readonly detail: unknown = null,
  ) {
    super(message);
  }

  /** The invalid fields. */
  get problems(): FieldProblem[] {
    return Array.isArray(this.detail) ? this.detail : [];
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
interface ApiResponse<Body> {
  body: Body;
  headers: Headers;
}

/**
 * Sends a request to `/api/auth/<path>` and returns the body of the response. Throws a {@link ApiError} if the response
 * is an error or there is none.
 */
export async function call<Body>(method: string, path: string, request: Request = {}): Promise<Body> {
  return (await send<Body>(method, path, request)).body;
}

async function send<Body>(method: string, path: string, request: Request): Promise<ApiResponse<Body>> {
  const { json, form, bearer, setsCookie, version, actingAs } = request;
  // The language of the errors.
  const headers = new Headers({ "Accept-Language": language });
  if (json !== undefined) headers.set("Content-Type", "application/json");
  if (bearer !== undefined) headers.set("Authorization", `Bearer ${bearer}`);
  if (setsCookie) headers.set("X-Session-Cookie", "set");
  if (version != null) headers.set("If-Match", `"${version}"`);
  if (actingAs !== undefined) headers.set("X-Acting-As", encodeURIComponent(actingAs));
  const body = json === undefined ? form && new URLSearchParams(form) : JSON.stringify(json);

  const response = await fetch(`/api/auth/${path}`, { method, headers, body }).catch(() => {
    throw new ApiError("unreachable", t("unreachable"));
  });
  const payload = await response.json().catch(() => null);
  if (response.ok) return { body: payload, headers: response.headers };
  throw new ApiError(
    payload?.code ?? "unexpected",
    payload?.error ?? t("unexpected", { status: String(response.status) }),
    payload?.detail,
  );
}

/** The user that this page shows, once known. Another tab may sign in with another account. */
let shown: User | undefined;

/** Loads the signed-in user. After that, {@link callSignedIn} acts only for this user. */
export async function loadOwnUser(): Promise<User> {
  shown = await callSignedIn<User>("GET", "me");
  rememberSession();
  return shown;
}

/**
 * Like {@link call}, for pages that need a session.
 *
 * - If there is none, redirects to the sign-in page.
 * - If it has ended since the page was loaded, says so, and repeats the call after the user has signed in again in another tab.
 * - If the session belongs to a different user than the one shown, does nothing and reloads the page.
 * - If the user has to confirm first that it is them, opens a dialog and then repeats the call. The page keeps its state. If the
 *   user closes the dialog, throws the error of the service.
 * - If the user has to set up a second factor first, redirects to the account page, where this error is thrown.
 */
export async function callSignedIn<Body>(method: string, path: string, request?: Request): Promise<Body> {
  return (await sendSignedIn<Body>(method, path, request)).body;
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

async function sendSignedIn<Body>(method: string, path: string, request: Request = {}): Promise<ApiResponse<Body>> {
  const ends = endsSession(method, path);
  if (ends) isEnding = true;
  try {
    const response = await send<Body>(method, path, { ...request, actingAs: shown?.id });
    if (ends) forgetSession();
    return response;
  } catch (error) {
    if (ends) isEnding = false;
    if (!(error instanceof ApiError)) throw error;
    const { pathname, hash } = location;
    const isAccountPage = pathname === "/account";
    // The dialog itself has nothing better to ask.
    if (error.code === "reauthentication_required" && !path.startsWith("reauthenticate")) {
      if (!(await reauthenticate(error))) throw error;
      return await sendSignedIn(method, path, request);
    }
    if (error.code === "account_changed") {
      reload();
    } else if (error.code === "invalid_token") {
      if (shown && !isEnding && !ends && (await signInAgain())) return await sendSignedIn(method, path, request);
      leaveFor(isAccountPage ? "/signin" : `/signin?next=${encodeURIComponent(pathname + hash)}`);
    } else if (error.code === "second_factor_setup_required" && !isAccountPage) {
      leaveFor("/account");
    } else {
      throw error;
    }
    // The browser is leaving the page: this promise never settles.
    return new Promise(() => {});
  }
}

/** Whether the page is ending its session, so that it does not ask the user to sign in again when it has. */
let isEnding = false;

function endsSession(method: string, path: string): boolean {
  return path === "logout" || (method === "DELETE" && path === "me");
}

/** The open dialog, which calls share. */
let dialog: Promise<boolean> | undefined;

/** Says that the session has ended. Returns whether the user wants to go on, and has probably signed in again. */
function signInAgain(): Promise<boolean> {
  dialog ??= loadScript(() => import("./session-ended"))
    .then(({ askToSignInAgain }) => askToSignInAgain())
    // Offline, there is no dialog. The sign-in page will say so.
    .catch(() => false)
    .finally(() => {
      dialog = undefined;
    });
  return dialog;
}

/** Asks the user to confirm that it is them. Returns whether they did. */
function reauthenticate({ detail }: ApiError): Promise<boolean> {
  const { methods } = detail as { methods: Method[] };
  // Loaded when needed: most visits never see it.
  dialog ??= loadScript(() => import("./reauthentication"))
    .then(({ askToConfirm }) => askToConfirm(methods, shown?.email))
    .finally(() => {
      dialog = undefined;
    });
  return dialog;
}

/** Loads a script that a page imports when needed. Fails while offline, and after a new version of the pages is deployed. */
export async function loadScript<Module>(load: () => Promise<Module>): Promise<Module> {
  return await load().catch(() => {
    throw new ApiError("unreachable", t("script_unreachable"));
  });
}
