// A button that opens a dialog of the browser for a passkey.

import { useEffect } from "preact/hooks";
import { useAction } from "./action";
import { Message } from "./form";
import { stopPasskey } from "./passkey";

interface PasskeyButtonProps {
  label: string;
  /** Whether it looks like the buttons of a list, instead of the button of a form. */
  quiet?: boolean;
  /** Whether to open the dialog at once, because the user has just chosen to use a passkey. */
  opensAtOnce?: boolean;
  /** Opens the dialog and sends its result. Returns the success message, if any. */
  ask: () => Promise<string | void>;
}

export function PasskeyButton({ label, quiet, opensAtOnce, ask }: PasskeyButtonProps) {
  const { busy, outcome, run } = useAction();
  useEffect(() => {
    if (opensAtOnce) run(ask);
  }, []);
  return (
    <div class="passkey">
      <button
        type="button"
        class={quiet ? "quiet" : undefined}
        aria-busy={busy}
        aria-disabled={busy}
        onClick={() => run(ask)}
      >
        {label}
      </button>
      {/* Some browsers show no dialog, and wait. */}
      {busy && (
        <button type="button" class="quiet" onClick={stopPasskey}>
          Cancel
        </button>
      )}
      <Message outcome={outcome} />
    </div>
  );
}
