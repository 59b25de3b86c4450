// The dialog for a session that has ended while a page was open. What the user has typed stays in the page.

import { Button } from "../design/button";
import { askOverPage } from "../design/page-dialog";
import { t } from "../languages";

/** Opens the dialog. Returns whether to try again; otherwise the user leaves for the sign-in page. */
export function askToSignInAgain(): Promise<boolean> {
  return askOverPage({
    title: t("session.ended.title"),
    why: t("session.ended"),
    content: (close) => (
      <div class="actions">
        <a class="button primary" href="/signin" target="_blank" rel="noopener">
          {t("session.ended.sign_in")}
        </a>
        <Button label={t("session.ended.continue")} act={() => close(true)} />
      </div>
    ),
  });
}
