// Stops or undoes a change of the email address, with the link that was mailed to the old address: `/undo-email-change#token=<token>`.
//
// Programs that scan mail open links and run scripts, so the link does nothing without a click.

import { useState } from "preact/hooks";
import { call } from "./parts/api";
import { Form } from "./parts/form";
import { focusTitle, Page, start } from "./parts/page";

// A link that is pasted into the address bar of this page only changes the fragment.
addEventListener("hashchange", () => location.reload());

// Removes the token from the address bar immediately, to keep it out of the history, bookmarks and screenshots. It stays in the
// state of this history entry, which only this tab can read, so that the page can be reloaded.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? history.state?.undoToken ?? "";
keep(token);

function keep(undoToken: string | null): void {
  history.replaceState(undoToken ? { undoToken } : null, "", location.pathname);
}

start(({ config }) => {
  const [isDone, setDone] = useState(false);
  return (
    <Page config={config} title="Keep your email address">
      {isDone ? (
        <>
          <p class="message success" role="status">
            Your account uses your old address.
          </p>
          <p>
            If it had been changed already, everyone was signed out, and a link to set a new password is on its way to
            you. Afterwards, remove passkeys and authenticator apps that are not yours on your account page.
          </p>
          <p>If the change was only asked for, change your password now: someone is signed in to your account.</p>
          <p>
            <a href="/signin">Sign in</a>
          </p>
        </>
      ) : (
        <>
          <p>
            Someone asked to change the email address of your account. If this was not you, keep the old address here.
            If the change was made already, this undoes it:
          </p>
          <ul>
            <li>The password no longer works. We send you a link to set a new one.</li>
            <li>Everyone is signed out.</li>
            <li>Passkeys, authenticator apps and invitations from since the change was asked for are removed.</li>
          </ul>
          <Form
            label="Keep the old address"
            submit={async () => {
              await call("POST", "undo-email-change", { json: { token } });
              keep(null);
              setDone(true);
              focusTitle();
            }}
          />
        </>
      )}
    </Page>
  );
});
