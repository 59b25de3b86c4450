// Shows new recovery codes, once, to copy, print or download.

import { useEffect, useRef } from "preact/hooks";
import { useAction } from "../parts/action";
import type { User } from "../parts/api";
import { ActionButton } from "../parts/button";
import { copyText } from "../parts/clipboard";
import type { Config } from "../parts/config";
import { Message } from "../parts/form";

interface RecoveryCodesProps {
  codes: string[];
  user: User;
  config: Config;
  /** Called when the user has saved them. */
  done: () => void;
}

export function RecoveryCodes({ codes, user, config, done }: RecoveryCodesProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { busy, outcome, run } = useAction();
  useEffect(() => {
    const focus = () => heading.current?.focus();
    // A dialog that created the codes is still open, and returns the focus to its button when it closes.
    const dialog = document.querySelector("dialog[open]");
    if (dialog) dialog.addEventListener("close", focus, { once: true });
    else focus();
  }, [codes]);
  const title = `Recovery codes of ${user.email} for ${config.service_name}`;
  const text = [title, "", ...codes, ""].join("\n");
  return (
    <div class="setup printed">
      <h3 ref={heading} tabIndex={-1}>
        {title}
      </h3>
      <p>
        Save these codes now: they are shown only once. If you lose your phone, a code replaces the second factor when
        you sign in with your password. Each code works once.
      </p>
      <ul class="codes" aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div class="choices">
        <ActionButton
          label="Copy"
          about="codes"
          busy={busy}
          act={() => run(() => copyText(codes.join("\n"), "Codes"))}
        />
        <ActionButton label="Print" about="codes" busy={false} act={print} />
        <ActionButton label="Download" about="codes" busy={false} act={() => save("recovery-codes.txt", text)} />
      </div>
      <Message outcome={outcome} />
      <button type="button" class="quiet" onClick={done}>
        I have saved the codes
      </button>
    </div>
  );
}

/** Lets the browser save a text as a file. */
function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;
  link.download = name;
  link.click();
}
