// The dialog in which users confirm that it is them, before a sensitive change.

import { Button } from "../design/button";
import { t } from "../languages";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { useAction } from "../design/action";
import { callSignedIn } from "./api";
import { Message } from "../design/form";
import { leaveFor } from "./leave";
import { showDialog } from "../design/page";
import type { RequestOptions } from "./passkey";
import { type Method, Proof } from "./proof";

/** Opens the dialog over the page. Returns whether the user confirmed that it is them. */
export async function askToConfirm(methods: Method[], email: string | undefined): Promise<boolean> {
  const isConfirmed = await new Promise<boolean>((resolve) => {
    showDialog(<Confirmation methods={methods} email={email} closed={resolve} />);
  });
  showDialog(null);
  return isConfirmed;
}

/** For users who can only sign in with an identity provider. */
function SignInAgain({ id }: { id: string }) {
  const { busy, outcome, run } = useAction();
  const signOut = () =>
    run(async () => {
      await callSignedIn("POST", "logout");
      leaveFor("/signin");
    });
  return (
    <>
      <p id={id}>{t("confirm.sign_in_again")}</p>
      <Button label={t("sign_out")} intent="primary" busy={busy} act={signOut} />
      <Message outcome={outcome} />
    </>
  );
}

interface ConfirmationProps {
  methods: Method[];
  email: string | undefined;
  closed: (isConfirmed: boolean) => void;
}

function Confirmation({ methods, email, closed }: ConfirmationProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const isConfirmed = useRef(false);
  // Before the fields take the focus, so that closing the dialog returns it to where it is now.
  useLayoutEffect(() => {
    if (!dialog.current?.open) dialog.current?.showModal();
  }, []);
  const send = async (json: unknown) => {
    await callSignedIn("POST", "reauthenticate", { json });
    isConfirmed.current = true;
    dialog.current?.close();
  };
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      aria-describedby={`${id}-why`}
      onClose={() => closed(isConfirmed.current)}
    >
      <article>
        <h2 id={id}>{t("confirm.title")}</h2>
        {methods.length === 0 ? (
          <SignInAgain id={`${id}-why`} />
        ) : (
          <>
            <p id={`${id}-why`}>{t("confirm.why")}</p>
            <Proof
              methods={methods}
              label={t("confirm")}
              email={email}
              submit={send}
              loadPasskeyOptions={() => callSignedIn<RequestOptions>("POST", "reauthenticate/passkey/options")}
              submitPasskey={({ token, credential }) => send({ token, credential })}
              askForEmail={() => callSignedIn<{ token: string }>("POST", "reauthenticate/email")}
            />
          </>
        )}
        {/* Not with the second click of a double click on a choice above, which moves this button. */}
        <button type="button" onClick={({ detail }) => detail < 2 && dialog.current?.close()}>
          {t("cancel")}
        </button>
      </article>
    </dialog>
  );
}
