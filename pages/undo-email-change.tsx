// Stops or undoes a change of the email address, with the link that was mailed to the old address: `/undo-email-change#token=<token>`.
//
// Programs that scan mail open links and run scripts, so the link does nothing without a click.

import { t } from "./languages";
import { useState } from "preact/hooks";
import { call } from "./parts/api";
import { Form } from "./design/form";
import { focusTitle, Page, start } from "./design/page";

// A link that is pasted into the address bar of this page only changes the fragment.
addEventListener("hashchange", () => location.reload());

// Removes the token from the address bar immediately, to keep it out of the history, bookmarks and screenshots. It stays in the
// state of this history entry, which only this tab can read, so that the page can be reloaded.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? history.state?.undoToken ?? "";
keep(token);

function keep(undoToken: string | null): void {
  history.replaceState(undoToken ? { undoToken } : null, "", location.pathname);
}

start(["sign-in"], ({ config }) => {
  const [isDone, setDone] = useState(false);
  return (
    <Page config={config} title={t("undo")}>
      {isDone ? (
        <>
          <p class="message success" role="status">
            {t("undo.done")}
          </p>
          <p>{t("undo.done.if_made")}</p>
          <p>{t("undo.done.if_requested")}</p>
          <p>
            <a href="/signin">{t("sign_in")}</a>
          </p>
        </>
      ) : (
        <>
          <p>{t("undo.about")}</p>
          <ul>
            <li>{t("undo.if_made")}</li>
            <li>{t("undo.if_requested")}</li>
          </ul>
          <Form
            label={t("undo")}
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
