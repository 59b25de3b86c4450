// Starts a session in the session cookie and checks that the browser keeps the cookie.

import { t } from "../languages";
import { call, ApiError, type User } from "./api";
import type { Config } from "./config";
import { type PasskeyResponse, signalUnknown } from "./passkey";

interface SignedIn {
  token: string;
  user: User;
}

/** The ways to start a session. */
type Way =
  | `login/${string}/callback`
  | "login"
  | "login/second-factor"
  | "login/passkey"
  | "login/email/verify"
  | "signup"
  | "signup/verify";

/** Whether there is a session now, or will be one after an admin has approved the account. */
export type Result = "signed_in" | "waiting_for_approval";

/**
 * Starts a session.
 *
 * Browsers drop cookies silently, and the next page would then redirect back to the sign-in page. So this first loads the
 * user with the new cookie and, if that fails, throws a {@link ApiError} that explains why there is no session.
 */
export async function signIn(path: Way, json: unknown, config: Config): Promise<Result> {
  const response = await call<SignedIn | { status: Result }>("POST", path, { json, setsCookie: true });
  if ("status" in response) return response.status;
  const { token, user } = response;
  try {
    await call("GET", "me", { actingAs: user.id });
    return "signed_in";
  } catch (error) {
    // Without the cookie there is no session; with an older cookie, it is another user's.
    if (!(error instanceof ApiError && ["invalid_token", "account_changed"].includes(error.code))) throw error;
    // Nobody can use this session, so end it. If that fails too, it will expire.
    await call("POST", "logout", { bearer: token }).catch(() => {});
    throw new ApiError("cookie_refused", explainNoSession(path, config));
  }
}

/** Starts a session with a passkey. If the service does not know it, the browser no longer offers it. */
export async function signInWithPasskey(response: PasskeyResponse, config: Config): Promise<void> {
  const { token, credential } = response;
  try {
    await signIn("login/passkey", { token, credential }, config);
  } catch (error) {
    if (error instanceof ApiError && error.code === "unknown_passkey") await signalUnknown(response);
    throw error;
  }
}

function explainNoSession(path: Way, config: Config): string {
  const done = t(path.startsWith("signup") ? "sign_in.account_created" : "sign_in.no_session");
  const own = `${config.app_url}/signin`;
  if (location.origin === new URL(own).origin) {
    return `${done} ${t("sign_in.cookie_blocked", { host: location.host })}`;
  }
  return `${done} ${t("sign_in.other_origin", { origin: location.origin, url: own })}`;
}
