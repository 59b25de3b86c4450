// The dialog for a session that has ended while a page was open. What the user has typed stays in the page.

import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Button } from "../design/button";
import { showDialog } from "../design/page";
import { t } from "../languages";

/** Opens the dialog. Returns whether to try again; otherwise the user leaves for the sign-in page. */
export async function askToSignInAgain(): Promise<boolean> {
  const isBack = await new Promise<boolean>((resolve) => {
    showDialog(<SessionEnded closed={resolve} />);
  });
  showDialog(null);
  return isBack;
}

function SessionEnded({ closed }: { closed: (isBack: boolean) => void }) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const isBack = useRef(false);
  useLayoutEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const close = (back: boolean) => {
    isBack.current = back;
    dialog.current?.close();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} aria-describedby={`${id}-why`} onClose={() => closed(isBack.current)}>
      <article>
        <h2 id={id}>{t("session.ended.title")}</h2>
        <p id={`${id}-why`}>{t("session.ended")}</p>
        <div class="actions">
          <a class="button primary" href="/signin" target="_blank" rel="noopener">
            {t("session.ended.sign_in")}
          </a>
          <Button label={t("session.ended.continue")} act={() => close(true)} />
        </div>
      </article>
    </dialog>
  );
}
