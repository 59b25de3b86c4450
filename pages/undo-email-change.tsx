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
    <Page config={config} title="Undo the change">
      {isDone ? (
        <>
          <p class="message success" role="status">
            Your account uses your old address.
          </p>
          <p>
            If the change was already made, everyone was signed out, and we sent you a link to set a new password. Then
            remove passkeys, authenticator apps and linked accounts that are not yours on your account page.
          </p>
          <p>If it was only requested, change your password now: someone is signed in to your account.</p>
          <p>
            <a href="/signin">Sign in</a>
          </p>
        </>
      ) : (
        <>
          <p>
            Someone asked to change the email address of your account. If this was not you, undo the change. Your
            account then uses this address.
          </p>
          <ul>
            <li>
              If the change was already made: the password no longer works, and we send you a link to set a new one.
              Everyone is signed out. Passkeys, authenticator apps, recovery codes and invitations added since the day
              before the request are removed.
            </li>
            <li>If it was only requested: it is stopped. Change your password, because someone is signed in.</li>
          </ul>
          <Form
            label="Undo the change"
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
