// Buttons outside forms.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Form, type Values } from "./form";

interface ActionButtonProps {
  label: string;
  /** What the button acts on, for users of screen readers, who may hear it without its row. */
  about?: string;
  busy: boolean;
  act: () => void;
}

export function ActionButton({ label, about, busy, act }: ActionButtonProps) {
  return (
    <button type="button" class="quiet" aria-disabled={busy} aria-label={about && `${label}: ${about}`} onClick={act}>
      {label}
    </button>
  );
}

interface ConfirmedButtonProps {
  label: string;
  about?: string;
  /** The heading of the dialog; the children say what will happen, or are the fields of a form. */
  question: string;
  /** The label of the button in the dialog, if it is not the same. */
  confirm?: string;
  /** Whether the action takes nothing away. */
  harmless?: boolean;
  children: ComponentChildren;
  work: (values: Values) => Promise<void>;
}

/** A button that opens a dialog first. The dialog returns the focus to the button. */
export function ConfirmedButton({
  label,
  about,
  question,
  confirm = label,
  harmless,
  children,
  work,
}: ConfirmedButtonProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const opened = dialog.current;
    if (open) opened?.showModal();
    // The work may remove the button. Without this, the dialog would go away with it and nothing would see it close.
    return () => opened?.close();
  }, [open]);
  return (
    <>
      <button
        type="button"
        class={harmless ? "quiet" : "quiet danger"}
        aria-label={about && `${label}: ${about}`}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {open && (
        <dialog ref={dialog} aria-labelledby={id} onClose={() => setOpen(false)}>
          <article>
            <h2 id={id}>{question}</h2>
            <Form
              label={confirm}
              submit={async (values) => {
                await work(values);
                dialog.current?.close();
              }}
            >
              {children}
              <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
                Cancel
              </button>
            </Form>
          </article>
        </dialog>
      )}
    </>
  );
}
