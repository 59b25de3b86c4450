// Shows new recovery codes, once, to copy, print or download.

import { t } from "../languages";
import { saveText } from "../parts/save";
import { useEffect, useRef } from "preact/hooks";
import { useAction } from "../design/action";
import type { User } from "../parts/api";
import { ActionButton, Button } from "../design/button";
import { copyText } from "../parts/clipboard";
import type { Config } from "../parts/config";
import { Message } from "../design/form";

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
  const title = t("recovery_codes.title", { email: user.email, service: config.service_name });
  const text = [title, "", ...codes, ""].join("\n");
  return (
    <div class="setup printed">
      <h3 ref={heading} tabIndex={-1}>
        {title}
      </h3>
      <p>{t("recovery_codes.about")}</p>
      <ul class="codes" aria-label={t("recovery_codes")}>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div class="choices">
        <ActionButton
          label={t("copy")}
          about={t("recovery_codes.codes")}
          busy={busy}
          act={() => run(() => copyText(codes.join("\n"), "codes"))}
        />
        <ActionButton label={t("recovery_codes.print")} about={t("recovery_codes.codes")} busy={false} act={print} />
        <ActionButton
          label={t("recovery_codes.download")}
          about={t("recovery_codes.codes")}
          busy={false}
          act={() => saveText("recovery-codes.txt", text)}
        />
      </div>
      <Message outcome={outcome} />
      <div class="actions">
        <Button label={t("recovery_codes.saved")} intent="primary" act={done} />
      </div>
    </div>
  );
}
