// The dialog in which users confirm that it is them, before a sensitive change.

import { useAction } from "../design/action";
import { Button } from "../design/button";
import { Message } from "../design/form";
import { askOverPage } from "../design/page-dialog";
import { t } from "../languages";
import { callSignedIn } from "./api";
import { leaveFor } from "./leave";
import type { RequestOptions } from "./passkey";
import { type Method, Proof } from "./proof";

/** Opens the dialog over the page. Returns whether the user confirmed that it is them. */
export function askToConfirm(methods: Method[], email: string | undefined): Promise<boolean> {
  return askOverPage({
    title: t("confirm.title"),
    why: t(methods.length === 0 ? "confirm.sign_in_again" : "confirm.why"),
    content: (close) => {
      const send = async (json: unknown) => {
        await callSignedIn("POST", "reauthenticate", { json });
        close(true);
      };
      return (
        <>
          {methods.length === 0 ? (
            <SignOut />
          ) : (
            <Proof
              methods={methods}
              label={t("confirm")}
              email={email}
              submit={send}
              loadPasskeyOptions={() => callSignedIn<RequestOptions>("POST", "reauthenticate/passkey/options")}
              submitPasskey={({ token, credential }) => send({ token, credential })}
              askForEmail={() => callSignedIn<{ token: string }>("POST", "reauthenticate/email")}
            />
          )}
          {/* Not with the second click of a double click on a choice above, which moves this button. */}
          <button type="button" onClick={({ detail }) => detail < 2 && close(false)}>
            {t("cancel")}
          </button>
        </>
      );
    },
  });
}

/** For users who can only sign in with an identity provider. */
function SignOut() {
  const { busy, outcome, run } = useAction();
  const signOut = () =>
    run(async () => {
      await callSignedIn("POST", "logout");
      leaveFor("/signin");
    });
  return (
    <>
      <Button label={t("sign_out")} intent="primary" busy={busy} act={signOut} />
      <Message outcome={outcome} />
    </>
  );
}
