// Sets a password with the link from a password reset or an account invitation: `/reset-password?token=<reset token>`.

import { useEffect, useState } from "preact/hooks";
import { call, Refusal, type User } from "./parts/api";
import { Form, NewPasswordField, UsernameField } from "./parts/form";
import { Page, start } from "./parts/page";

// Removes the token from the address bar immediately, to keep it out of the history, bookmarks and screenshots. It stays in the
// state of this history entry, which only this tab can read, so that the page can be reloaded.
const bearer = new URLSearchParams(location.search).get("token") ?? history.state?.resetToken ?? "";
keep(bearer);

function keep(resetToken: string | null): void {
  history.replaceState(resetToken ? { resetToken } : null, "", location.pathname);
}

type State = { kind: "asking" } | { kind: "good"; user: User } | { kind: "dead"; why: string } | { kind: "done" };

start(({ config }) => {
  const [state, setState] = useState<State>({ kind: "asking" });
  const refuse = (fault: Refusal) => {
    const isDead = fault.code === "invalid_token";
    if (isDead) keep(null);
    const why =
      "This link has been used, has expired, or is incomplete. If your account is deactivated, ask an admin to activate it.";
    setState({ kind: "dead", why: isDead ? why : fault.message });
  };
  useEffect(() => {
    call<User>("GET", "me", { bearer }).then((user) => setState({ kind: "good", user }), refuse);
  }, []);
  return (
    <Page config={config} title="Set a password">
      {state.kind === "asking" && <p aria-busy="true">Loading…</p>}
      {state.kind === "dead" && (
        <>
          <p class="message refusal" role="alert">
            {state.why}
          </p>
          <p>
            <a href="/forgot-password">Get a new link</a>
          </p>
        </>
      )}
      {state.kind === "good" && (
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
              } catch (fault) {
                if (!(fault instanceof Refusal && fault.code === "invalid_token")) throw fault;
                refuse(fault);
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
