// Sets a password with the link from a password reset or an account invitation: `/reset-password?token=<reset token>`.

import { Skeleton } from "./design/skeleton";
import { rich, t } from "./languages";
import { useEffect, useState } from "preact/hooks";
import { call, ApiError, type User } from "./parts/api";
import { Form, NewPasswordField, UsernameField } from "./design/form";
import { Page, start } from "./design/page";

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

start(["sign-in"], ({ config }) => {
  const [state, setState] = useState<State>({ kind: "loading" });
  const showError = (error: ApiError) => {
    const isInvalid = error.code === "invalid_token";
    if (isInvalid) keep(null);
    setState({ kind: "invalid", message: isInvalid ? t("reset.invalid") : error.message });
  };
  useEffect(() => {
    call<User>("GET", "me", { bearer }).then((user) => setState({ kind: "valid", user }), showError);
  }, []);
  return (
    <Page config={config} title={t("reset")}>
      {state.kind === "loading" && <Skeleton />}
      {state.kind === "invalid" && (
        <>
          <p class="message error" role="alert">
            {state.message}
          </p>
          <a class="button primary" href="/forgot-password">
            {t("reset.new_link")}
          </a>
        </>
      )}
      {state.kind === "valid" && (
        <>
          <p>{rich("reset.about", { email: <strong>{state.user.email}</strong> })}</p>
          <Form
            label={t("reset.submit")}
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
            <NewPasswordField label={t("password.new")} minLength={config.password_min_length} autoFocus />
          </Form>
        </>
      )}
      {state.kind === "done" && (
        <>
          <p class="message success" role="status">
            {t("reset.done")}
          </p>
          <a class="button primary" href="/signin">
            {t("sign_in")}
          </a>
        </>
      )}
    </Page>
  );
});
