// Buttons outside forms.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Form } from "./form";

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
  /** The heading of the confirmation dialog; the children say what will happen. */
  question: string;
  children: ComponentChildren;
  work: () => Promise<void>;
}

/** A button that asks for confirmation. */
export function ConfirmedButton({ label, about, question, children, work }: ConfirmedButtonProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button
        type="button"
        class="quiet danger"
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
            {children}
            <Form
              label={label}
              submit={async () => {
                await work();
                dialog.current?.close();
              }}
            >
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
