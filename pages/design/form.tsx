// Forms: fields with labels and errors, a submit button with a busy state, and a message with the outcome.

import { type ComponentChildren, createContext, type PartialInputHTMLAttributes } from "preact";
import { useContext, useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../languages";
import type { FieldProblem } from "../parts/api";
import { type Outcome, useAction } from "./action";
import { Button, type Intent } from "./button";

export type Values = Record<string, string>;

const Problems = createContext<FieldProblem[]>([]);

interface FormProps {
  /** The label of the submit button. */
  label: string;
  intent?: Intent;
  /** Submits the values. Returns the success message, unless the form goes away. */
  submit: (values: Values) => Promise<string | void>;
  /** What a second button does instead. */
  cancel?: () => void;
  /** Whether to clear the fields after a success. */
  clears?: boolean;
  /** Whether to put the fields and the button on one line if there is room. */
  inline?: boolean;
  /** Whether to submit it at once, because the user has just chosen to do so with the values that it starts with. */
  submitsAtOnce?: boolean;
  children?: ComponentChildren;
}

export function Form({
  label,
  intent = "primary",
  submit,
  cancel,
  clears,
  inline,
  submitsAtOnce,
  children,
}: FormProps) {
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

  const button = (
    <button type="submit" class={intent} aria-busy={busy} aria-disabled={busy}>
      {label}
    </button>
  );
  return (
    <form ref={form} class={inline ? "inline" : undefined} onSubmit={onSubmit}>
      <Problems.Provider value={outcome?.problems ?? []}>{children}</Problems.Provider>
      {cancel ? (
        <div class="actions">
          <Button label={t("cancel")} act={cancel} />
          {button}
        </div>
      ) : (
        button
      )}
      <Message outcome={outcome} />
    </form>
  );
}

/**
 * The error of an action, next to what it is about. Invalid fields show their own errors, so for them this only asks to check the marked fields.
 * Always rendered, even when empty, so that screen readers announce the text once it appears.
 */
export function Message({ outcome }: { outcome: Outcome | undefined }) {
  const problems = outcome?.problems.length ?? 0;
  return (
    <p class={`message ${outcome?.kind ?? ""}`} role="status">
      {problems > 0 ? t("form.problems", { count: problems }) : outcome?.text}
    </p>
  );
}

interface FieldProps extends Omit<PartialInputHTMLAttributes<HTMLInputElement>, "role" | "list"> {
  /** The name of the request's field, which errors refer to. */
  name: string;
  label: string;
  hint?: string | undefined;
  type?: "text" | "email" | "password" | "number" | "search" | "date";
}

export function Field({ name, label, hint, type = "text", ...input }: FieldProps) {
  const id = useId();
  const problems = useContext(Problems);
  const found = problems.find(({ loc }) => loc[1] === name);
  // An error is about what was sent: it goes as soon as the user changes that.
  const [changed, setChanged] = useState<FieldProblem>();
  const problem = found === changed ? undefined : found?.msg;
  const note = problem ? sentence(problem) : hint;
  const described = {
    id,
    name,
    "aria-invalid": problem ? ("true" as const) : undefined,
    "aria-describedby": note ? `${id}-note` : undefined,
    ...input,
  };
  return (
    <div class="field" onInput={() => setChanged(found)}>
      <label id={`${id}-label`} for={id}>
        {label}
      </label>
      {/* The cast is safe: the attributes used here are the same for all types. */}
      {type === "password" ? <PasswordInput {...described} /> : <input type={type as "text"} {...described} />}
      {note && (
        <small id={`${id}-note`} class={problem ? "problem" : undefined}>
          {note}
        </small>
      )}
    </div>
  );
}

/** Makes a sentence of the service's message about a field: "must not be empty" becomes "Must not be empty." */
function sentence(text: string): string {
  const first = text.charAt(0).toLocaleUpperCase() + text.slice(1);
  return /[.!?؟]$/.test(first) ? first : `${first}.`;
}

/** A password that the user can look at. It is hidden again when the form is sent, so that browsers do not keep it as a text. */
function PasswordInput(input: PartialInputHTMLAttributes<HTMLInputElement>) {
  const [isShown, show] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const form = field.current?.form;
    const hide = () => show(false);
    form?.addEventListener("submit", hide, { capture: true });
    return () => form?.removeEventListener("submit", hide, { capture: true });
  }, []);
  return (
    <div class="password">
      <input
        {...(input as object)}
        ref={field}
        // The cast is safe: a text field has all attributes of a password field.
        type={(isShown ? "text" : "password") as "password"}
        autoCapitalize="none"
        spellcheck={false}
      />
      <button
        type="button"
        aria-pressed={isShown}
        aria-controls={input.id as string}
        aria-describedby={`${input.id}-label`}
        onClick={() => show(!isShown)}
      >
        {t(isShown ? "password.hide" : "password.show")}
      </button>
    </div>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  /** The values and their labels. */
  choices: Record<string, string>;
  chosen: string;
  /** Whether only screen readers get the label, because the choices say enough. */
  hidesLabel?: boolean;
}

export function Choice({ name, label, choices, chosen, hidesLabel }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={hidesLabel ? "visually-hidden" : undefined}>
        {label}
      </label>
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
    <Field
      name="email"
      label={t("email")}
      type="email"
      autoComplete="username"
      autoCapitalize="none"
      required
      {...input}
    />
  );
}

/** A field for a new password. */
export function NewPasswordField({ minLength, ...input }: Partial<FieldProps> & { minLength: number }) {
  const [password, setPassword] = useState("");
  const [Strength, setStrength] = useState<typeof import("./strength").Strength>();
  const field = useRef<HTMLDivElement>(null);

  async function estimate(typed: string): Promise<void> {
    setPassword(typed);
    if (Strength) return;
    // Without it, the service still refuses passwords that are common.
    const loaded = await import("./strength").catch(() => undefined);
    if (loaded) setStrength(() => loaded.Strength);
  }
  useEffect(() => {
    const form = field.current?.closest("form");
    const clear = () => setPassword("");
    form?.addEventListener("reset", clear);
    return () => form?.removeEventListener("reset", clear);
  }, []);
  return (
    <div ref={field} class="field">
      <Field
        name="password"
        label={t("password")}
        type="password"
        autoComplete="new-password"
        hint={t("password.hint", { count: minLength })}
        required
        onInput={({ currentTarget }) => estimate(currentTarget.value)}
        {...input}
      />
      {Strength && <Strength password={password} known={knownTo(field.current)} />}
    </div>
  );
}

/** Returns what the form says about the user, and the name of the service. */
function knownTo(field: HTMLElement | null): string[] {
  const fields = field
    ?.closest("form")
    ?.querySelectorAll<HTMLInputElement>("[name=email], [name=name], [name=username]");
  return [document.title, ...[...(fields ?? [])].map(({ value }) => value)];
}

/** A field for a code from an email. */
export function CodeField({ name, ...input }: Partial<FieldProps> & { name: string }) {
  return (
    <Field
      name={name}
      label={t("code")}
      hint={t("code.hint")}
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
