// A button that opens a dialog of the browser for a passkey.

import { Button, type Intent } from "../design/button";
import { t } from "../languages";
import { useEffect } from "preact/hooks";
import { useAction } from "../design/action";
import { Message } from "../design/form";
import { stopPasskey } from "./passkey";

interface PasskeyButtonProps {
  label: string;
  intent?: Intent;
  /** Whether it is in a row of a list. */
  small?: boolean;
  /** Whether to open the dialog at once, because the user has just chosen to use a passkey. */
  opensAtOnce?: boolean;
  /** Opens the dialog and sends its result. Returns the success message, if any. */
  ask: () => Promise<string | void>;
}

export function PasskeyButton({ label, intent = "primary", small, opensAtOnce, ask }: PasskeyButtonProps) {
  const { busy, outcome, run } = useAction();
  useEffect(() => {
    if (opensAtOnce) run(ask);
  }, []);
  return (
    <div class="passkey">
      <Button label={label} intent={intent} small={small} busy={busy} act={() => run(ask)} />
      {/* Some browsers show no dialog, and wait. */}
      {busy && <Button label={t("cancel")} small act={stopPasskey} />}
      <Message outcome={outcome} />
    </div>
  );
}
