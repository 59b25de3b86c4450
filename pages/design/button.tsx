// Buttons outside forms.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { rememberFocus } from "./focus";
import { Form, type Values } from "./form";

/**
 * What a button does: the main thing of a view (`primary`), something else (`secondary`), or something that takes away (`danger`). A
 * view has one primary button at most.
 */
export type Intent = "primary" | "secondary" | "danger";

interface ButtonProps {
  label: ComponentChildren;
  intent?: Intent;
  /** Whether it is one of several in a row of a list. */
  small?: boolean;
  /** What the button acts on, for users of screen readers, who may hear it without its row. */
  about?: string | undefined;
  busy?: boolean;
  /** Whether other work runs, so that this button does nothing. */
  blocked?: boolean;
  act: () => void;
}

export function Button({ label, intent = "secondary", small, about, busy, blocked, act }: ButtonProps) {
  return (
    <button
      type="button"
      class={small ? `small ${intent}` : intent}
      aria-busy={busy}
      aria-disabled={busy || blocked}
      aria-label={about && `${label}: ${about}`}
      onClick={() => {
        const restoreFocus = rememberFocus();
        act();
        // The action may have removed the button.
        restoreFocus();
      }}
    >
      {label}
    </button>
  );
}

interface ActionButtonProps {
  label: string;
  about?: string;
  busy: boolean;
  act: () => void;
}

/** A button in a row of a list. */
export function ActionButton({ label, about, busy, act }: ActionButtonProps) {
  return <Button label={label} about={about} blocked={busy} small act={act} />;
}

interface ConfirmedButtonProps {
  label: string;
  about?: string | undefined;
  /** The heading of the dialog; the children say what will happen, or are the fields of a form. */
  question: string;
  /** The label of the button in the dialog, if it is not the same. */
  confirm?: string;
  /** Whether the action takes nothing away. */
  harmless?: boolean;
  /** Whether it is the main thing of the view. */
  isMain?: boolean;
  children: ComponentChildren;
  work: (values: Values) => Promise<void>;
}

/** A button that opens a dialog first. The dialog returns the focus to the button. */
export function ConfirmedButton({ label, about, question, confirm = label, isMain, ...dialog }: ConfirmedButtonProps) {
  const [open, setOpen] = useState(false);
  const intent = isMain ? "primary" : dialog.harmless ? "secondary" : "danger";
  return (
    <>
      <button
        type="button"
        class={`small ${intent}`}
        aria-label={about && `${label}: ${about}`}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {open && <ConfirmDialog question={question} confirm={confirm} {...dialog} closed={() => setOpen(false)} />}
    </>
  );
}

interface ConfirmDialogProps {
  question: string;
  confirm: string;
  harmless?: boolean | undefined;
  children: ComponentChildren;
  work: (values: Values) => Promise<void>;
  closed: () => void;
}

/** A dialog that asks before it does something. It is open as long as it is rendered. */
export function ConfirmDialog({ question, confirm, harmless, children, work, closed }: ConfirmDialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opened = dialog.current;
    const restoreFocus = rememberFocus();
    opened?.showModal();
    // The work may remove the button. Without this, the dialog would go away with it and nothing would see it close.
    return () => {
      opened?.close();
      restoreFocus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={closed}>
      <article>
        <h2 id={id}>{question}</h2>
        <Form
          label={confirm}
          intent={harmless ? "primary" : "danger"}
          cancel={() => dialog.current?.close()}
          submit={async (values) => {
            await work(values);
            dialog.current?.close();
          }}
        >
          {children}
        </Form>
      </article>
    </dialog>
  );
}

/** A button whose only text is for screen readers. */
export function IconButton({ label, icon, act }: { label: string; icon: ComponentChildren; act: () => void }) {
  return (
    <button type="button" class="icon" aria-label={label} title={label} onClick={act}>
      {icon}
    </button>
  );
}
