// Forms: fields with labels and errors, a submit button with a busy state, and a message with the outcome.

import { type ComponentChildren, createContext, type PartialInputHTMLAttributes } from "preact";
import { useContext, useEffect, useId, useRef } from "preact/hooks";
import { type Outcome, useAction } from "./action";
import type { FieldProblem } from "./api";

export type Values = Record<string, string>;

const Problems = createContext<FieldProblem[]>([]);

interface FormProps {
  /** The label of the submit button. */
  label: string;
  /** Submits the values. Returns the success message, unless the form goes away. */
  submit: (values: Values) => Promise<string | void>;
  /** Whether to clear the fields after a success. */
  clears?: boolean;
  /** Whether to put the fields and the button on one line if there is room. */
  inline?: boolean;
  /** Whether to submit it at once, because the user has just chosen to do so with the values that it starts with. */
  submitsAtOnce?: boolean;
  children?: ComponentChildren;
}

export function Form({ label, submit, clears, inline, submitsAtOnce, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const { busy, outcome, run } = useAction();
  useEffect(() => {
    // After the effects of what the form contains.
    if (submitsAtOnce) queueMicrotask(() => form.current?.requestSubmit());
  }, []);

  async function onSubmit(event: Event) {
    event.preventDefault();
    const element = form.current;
    if (!element) return;
    const values = Object.fromEntries(new FormData(element)) as Values;
    if ((await run(() => submit(values))) && clears) element.reset();
    element.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }

  return (
    <form ref={form} class={inline ? "inline" : undefined} onSubmit={onSubmit}>
      <Problems.Provider value={outcome?.problems ?? []}>{children}</Problems.Provider>
      <button type="submit" aria-busy={busy} aria-disabled={busy}>
        {label}
      </button>
      <Message outcome={outcome} />
    </form>
  );
}

/** Always rendered, even when empty, so that screen readers announce the text once it appears. */
export function Message({ outcome }: { outcome: Outcome | undefined }) {
  return (
    <p class={`message ${outcome?.kind ?? ""}`} role="status">
      {outcome?.text}
    </p>
  );
}

interface FieldProps extends Omit<PartialInputHTMLAttributes<HTMLInputElement>, "role" | "list"> {
  /** The name of the request's field, which errors refer to. */
  name: string;
  label: string;
  hint?: string;
  type?: "text" | "email" | "password" | "number" | "search";
}

export function Field({ name, label, hint, type = "text", ...input }: FieldProps) {
  const id = useId();
  const problem = useContext(Problems).find(({ loc }) => loc[1] === name)?.msg;
  const note = problem ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={name}
        // The cast is safe: the attributes used here are the same for all types.
        type={type as "text"}
        aria-invalid={problem ? "true" : undefined}
        aria-describedby={note ? `${id}-note` : undefined}
        {...input}
      />
      {note && <small id={`${id}-note`}>{note}</small>}
    </div>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  /** The values and their labels. */
  choices: Record<string, string>;
  chosen: string;
}

export function Choice({ name, label, choices, chosen }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name}>
        {Object.entries(choices).map(([value, label]) => (
          <option key={value} value={value} selected={value === chosen}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** An email address. `autoComplete` is `username` in forms with a password, for password managers. */
export function EmailField(input: Partial<FieldProps>) {
  return (
    <Field name="email" label="Email" type="email" autoComplete="username" autoCapitalize="none" required {...input} />
  );
}

/** A field for a new password. */
export function NewPasswordField({ minLength, ...input }: Partial<FieldProps> & { minLength: number }) {
  return (
    <Field
      name="password"
      label="Password"
      type="password"
      autoComplete="new-password"
      hint={`At least ${minLength} characters.`}
      required
      {...input}
    />
  );
}

/** A field for a code from an email. */
export function CodeField({ name, ...input }: Partial<FieldProps> & { name: string }) {
  return (
    <Field
      name={name}
      label="Code"
      hint="The 6-digit code from the email."
      inputMode="numeric"
      autoComplete="one-time-code"
      required
      {...input}
    />
  );
}

/** A hidden field that gives password managers the username. */
export function UsernameField({ email }: { email: string }) {
  return <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />;
}
