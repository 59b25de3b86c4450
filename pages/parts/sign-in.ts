// Begins a session that lives in the session cookie, and finds out whether the browser keeps that cookie.

import { call, Refusal, type User } from "./api";
import type { Config } from "./config";

interface SignedIn {
  token: string;
  user: User;
}

/**
 * Begins a session at `login` or `signup`.
 *
 * A browser drops a cookie without a word. The next page would then lead back to the sign-in page, so this asks for the
 * user with the new cookie first and throws a {@link Refusal} that says why there is no session.
 */
export async function signIn(path: "login" | "signup", json: unknown, config: Config): Promise<void> {
  const { token, user } = await call<SignedIn>("POST", path, { json, setsCookie: true });
  try {
    await call("GET", "me", { actingAs: user.id });
  } catch (fault) {
    // Without a cookie there is no session; with an older cookie it is another user's.
    if (!(fault instanceof Refusal && ["invalid_token", "account_changed"].includes(fault.code))) throw fault;
    // Nobody can use this session. If ending it fails too, it expires.
    await call("POST", "logout", { bearer: token }).catch(() => {});
    throw new Refusal("cookie_refused", whyRefused(path, config), []);
  }
}

function whyRefused(path: "login" | "signup", config: Config): string {
  const done =
    path === "signup" ? "Your account has been created, but you are not signed in." : "You are not signed in.";
  const own = `${config.app_url}/signin`;
  if (location.origin === new URL(own).origin) {
    return `${done} Your browser does not keep the cookie of this site. Allow cookies for ${location.host} and sign in again.`;
  }
  return `${done} There is no session for pages that were opened at ${location.origin}. Open ${own} and sign in there.`;
}
