// Sets a password with the link from a password reset or an account invitation: `/reset-password?token=<reset token>`.

import { useEffect, useState } from "preact/hooks";
import { call, ApiError, type User } from "./parts/api";
import { Form, NewPasswordField, UsernameField } from "./parts/form";
import { Page, start } from "./parts/page";

// Removes the token from the address bar immediately, to keep it out of the history, bookmarks and screenshots. It stays in the
// state of this history entry, which only this tab can read, so that the page can be reloaded.
const bearer = new URLSearchParams(location.search).get("token") ?? history.state?.resetToken ?? "";
keep(bearer);

function keep(resetToken: string | null): void {
  history.replaceState(resetToken ? { resetToken } : null, "", location.pathname);
}

type State =
  | { kind: "loading" }
  | { kind: "valid"; user: User }
  | { kind: "invalid"; message: string }
  | { kind: "done" };

start(({ config }) => {
  const [state, setState] = useState<State>({ kind: "loading" });
  const showError = (error: ApiError) => {
    const isInvalid = error.code === "invalid_token";
    if (isInvalid) keep(null);
    const message =
      "This link has been used, has expired, or is incomplete. If your account is deactivated, ask an admin to activate it.";
    setState({ kind: "invalid", message: isInvalid ? message : error.message });
  };
  useEffect(() => {
    call<User>("GET", "me", { bearer }).then((user) => setState({ kind: "valid", user }), showError);
  }, []);
  return (
    <Page config={config} title="Set a password">
      {state.kind === "loading" && <p aria-busy="true">Loading…</p>}
      {state.kind === "invalid" && (
        <>
          <p class="message error" role="alert">
            {state.message}
          </p>
          <p>
            <a href="/forgot-password">Get a new link</a>
          </p>
        </>
      )}
      {state.kind === "valid" && (
        <>
          <p>
            Choose a new password for <strong>{state.user.email}</strong>. This signs you out everywhere.
          </p>
          <Form
            label="Set password"
            submit={async ({ password }) => {
              try {
                await call("POST", "reset-password-with-token", { json: { password }, bearer });
                keep(null);
                setState({ kind: "done" });
              } catch (error) {
                if (!(error instanceof ApiError && error.code === "invalid_token")) throw error;
                showError(error);
              }
            }}
          >
            <UsernameField email={state.user.email} />
            <NewPasswordField label="New password" minLength={config.password_min_length} autoFocus />
          </Form>
        </>
      )}
      {state.kind === "done" && (
        <>
          <p class="message success" role="status">
            Your new password is set. You can now sign in with it.
          </p>
          <p>
            <a href="/signin">Sign in</a>
          </p>
        </>
      )}
    </Page>
  );
});
