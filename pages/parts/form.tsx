// Forms: fields with their labels and faults, a button that shows that it works, and the outcome in words.

import { type ComponentChildren, createContext, type PartialInputHTMLAttributes } from "preact";
import { useContext, useId, useRef } from "preact/hooks";
import { type Outcome, useAction } from "./action";
import type { FieldProblem } from "./api";

export type Values = Record<string, string>;

const Problems = createContext<FieldProblem[]>([]);

interface FormProps {
  /** What the button says. */
  label: string;
  /** Sends what was typed. Returns the words of a success, if the form stays to show them. */
  submit: (values: Values) => Promise<string | void>;
  /** Whether what was typed is taken away after a success. */
  clears?: boolean;
  /** Whether the fields and the button stand in one line where there is room. */
  inline?: boolean;
  children?: ComponentChildren;
}

export function Form({ label, submit, clears, inline, children }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const { busy, outcome, run } = useAction();

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

/** Always on the page, so that its words are read out when they come. */
export function Message({ outcome }: { outcome: Outcome | undefined }) {
  return (
    <p class={`message ${outcome?.kind ?? ""}`} role="status">
      {outcome?.text}
    </p>
  );
}

interface FieldProps extends Omit<PartialInputHTMLAttributes<HTMLInputElement>, "role" | "list"> {
  /** The field of the request, by whose name a fault is told. */
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
        // Any of them: the attributes of all of them are the same here.
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
  /** Each value with its words. */
  choices: Record<string, string>;
  chosen: string;
}

export function Choice({ name, label, choices, chosen }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} name={name}>
        {Object.entries(choices).map(([value, words]) => (
          <option key={value} value={value} selected={value === chosen}>
            {words}
          </option>
        ))}
      </select>
    </div>
  );
}

/** An email address. `autoComplete` is `username` where it goes with a password, so that a password manager finds it. */
export function EmailField(input: Partial<FieldProps>) {
  return (
    <Field name="email" label="Email" type="email" autoComplete="username" autoCapitalize="none" required {...input} />
  );
}

/** A password that is being chosen. */
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

/** Tells a password manager whose password a form is about. People are told in words. */
export function UsernameField({ email }: { email: string }) {
  return <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />;
}
