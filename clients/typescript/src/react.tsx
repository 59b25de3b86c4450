"use client";
// React: who is signed in, and a form to sign in. For React 18 and 19, also with server rendering: nothing here touches the browser
// while rendering, and the first render in the browser is that of the server.

import {
  createContext,
  type FormEvent,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { BrowserSession, type SessionState } from "./browser.js";
import { type components, createClient, ok, type Postern, type User } from "./client.js";
import {
  type EmailCode,
  type EmailProof,
  type EmailSignIn,
  type SecondFactorRequired,
  type SignIn,
  signIn,
  signInWithEmail,
  signInWithPasskey,
  signInWithProvider,
  supportsPasskeys,
  verifyEmailCode,
} from "./sign-in.js";
import { signInPage } from "./sign-in-page.js";

export type { SessionState } from "./browser.js";
export type { User } from "./client.js";

const Session = createContext<BrowserSession | null>(null);

export interface PosternProviderProps {
  /** The address of Postern. The default is the origin of the page. */
  url?: string;
  /** A client of your own, instead of `url`. It should have `session: "cookie"`. */
  client?: Postern;
  /** The user that the server has rendered the page for, or null. Without it, the status is `loading` at first. */
  initialUser?: User | null;
  children?: ReactNode;
}

/** Gives all components below it the session. It reads its other properties once. */
export function PosternProvider({ url = "", client, initialUser, children }: PosternProviderProps): ReactElement {
  const [session] = useState(() => new BrowserSession(client ?? createClient({ url, session: "cookie" }), initialUser));
  useEffect(() => session.start(), [session]);
  return <Session.Provider value={session}>{children}</Session.Provider>;
}

function useBrowserSession(): BrowserSession {
  const session = useContext(Session);
  if (session === null) throw new Error("There is no PosternProvider around this component.");
  return session;
}

/** Returns the client, to call Postern's API. */
export function usePostern(): Postern {
  return useBrowserSession().postern;
}

/** Returns who is signed in, and `reload`, which asks Postern again. */
export function useSession(): SessionState & { reload: () => Promise<SessionState> } {
  const session = useBrowserSession();
  const subscribe = useCallback((changed: () => void) => session.subscribe(changed), [session]);
  const state = useSyncExternalStore(
    subscribe,
    () => session.state,
    () => session.initial,
  );
  return useMemo(() => ({ ...state, reload: () => session.load() }), [state, session]);
}

/** Returns the user who is signed in, or null: also while loading, which only {@link useSession} tells. */
export function useUser(): User | null {
  return useSession().user;
}

/** The ways to sign in. They throw like the functions of `postern-client/sign-in`, and `CookieBlocked` of `postern-client/browser`. */
export interface SignInFunctions {
  signIn(credentials: { email: string; password: string }): Promise<SignIn>;
  signInWithEmail(request: components["schemas"]["EmailToSignIn"]): Promise<EmailCode>;
  verifyEmailCode(emailCode: EmailCode, proof: EmailProof): Promise<EmailSignIn>;
  signInWithPasskey(options?: { autofill?: boolean; signal?: AbortSignal }): Promise<User>;
  /** Leaves the page. */
  signInWithProvider(provider: string, options?: { returnTo?: string }): Promise<void>;
}

/** Returns the functions of `postern-client/sign-in`, which here also update the session of this page and of other tabs. */
export function useSignIn(): SignInFunctions {
  const session = useBrowserSession();
  return useMemo(() => {
    const { postern } = session;
    const adopt = async <Result extends EmailSignIn>(result: Result): Promise<Result> => {
      if (result.status === "signed_in") await session.signedIn(result.user);
      if (result.status !== "second_factor_required") return result;
      const finish: SecondFactorRequired["finish"] = async (factor) => {
        const user = await result.finish(factor);
        await session.signedIn(user);
        return user;
      };
      return { ...result, finish };
    };
    return {
      signIn: async (credentials) => adopt(await signIn(postern, credentials)),
      signInWithEmail: (request) => signInWithEmail(postern, request),
      verifyEmailCode: async (emailCode, proof) => adopt(await verifyEmailCode(postern, emailCode, proof)),
      signInWithPasskey: async (options) => {
        const user = await signInWithPasskey(postern, options);
        await session.signedIn(user);
        return user;
      },
      signInWithProvider: (provider, options) => signInWithProvider(postern, provider, options),
    };
  }, [session]);
}

/** Returns a function that signs out, in all tabs. It throws if the session could not be ended, for example offline. */
export function useSignOut(): () => Promise<void> {
  const session = useBrowserSession();
  return useCallback(() => session.signOut(), [session]);
}

export interface SignInFormProps {
  /** Called after the sign-in. */
  onSignedIn?: (user: User) => void;
  /** Where providers lead back to. The default is the current page. */
  returnTo?: string;
  className?: string;
}

type Step =
  | { kind: "start" }
  | { kind: "code"; emailCode: EmailCode }
  | { kind: "second"; required: SecondFactorRequired }
  | { kind: "waiting" };

/**
 * A form to sign in with a password, a code by email, a passkey, or an identity provider, and with a second factor: what Postern's
 * settings offer. It has no styles of its own.
 *
 * If Postern requires a captcha for codes by email, the form leads to Postern's own sign-in page for them.
 */
export function SignInForm({ onSignedIn, returnTo, className }: SignInFormProps): ReactElement {
  const postern = usePostern();
  const ways = useSignIn();
  const id = useId();
  const [step, setStep] = useState<Step>({ kind: "start" });
  const [email, setEmail] = useState("");
  const [recoveryCode, setRecoveryCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [config, setConfig] = useState<components["schemas"]["Config"]>();
  const [hasPasskeys, setHasPasskeys] = useState(false);

  useEffect(() => {
    let isShown = true;
    setHasPasskeys(supportsPasskeys());
    ok(postern.GET("/api/auth/config")).then(
      (loaded) => isShown && setConfig(loaded),
      // The password works without it.
      () => {},
    );
    return () => {
      isShown = false;
    };
  }, [postern]);

  // The field of a new step gets the focus, as after a new page. Without a field, its first button does.
  const first = useRef<HTMLElement | null>(null);
  const focused = useCallback((element: HTMLElement | null) => {
    first.current = element;
  }, []);
  const previous = useRef<Step["kind"]>("start");
  useEffect(() => {
    if (previous.current !== step.kind) first.current?.focus();
    previous.current = step.kind;
  }, [step.kind]);

  /** Runs one attempt at a time, and shows why it failed. */
  async function attempt(work: () => Promise<void>): Promise<void> {
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
    } catch (error) {
      // The user has closed the dialog of the browser.
      if (!(error instanceof DOMException && ["NotAllowedError", "AbortError"].includes(error.name))) {
        setProblem(sentence(error));
      }
    } finally {
      setBusy(false);
    }
  }

  const finished = (user: User) => onSignedIn?.(user);
  const goOn = (result: EmailSignIn) => {
    if (result.status === "signed_in") finished(result.user);
    else if (result.status === "second_factor_required") setStep({ kind: "second", required: result });
    else setStep({ kind: "waiting" });
  };
  const submit = (work: (fields: FormData) => Promise<void>) => (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    attempt(() => work(fields));
  };
  const startAgain = () => {
    setProblem(undefined);
    setRecoveryCode("");
    setStep({ kind: "start" });
  };

  const message = (
    <p role="alert" id={`${id}-problem`}>
      {problem}
    </p>
  );
  const describedBy = problem === undefined ? undefined : `${id}-problem`;
  const again = (
    <button type="button" disabled={busy} onClick={startAgain}>
      Start again
    </button>
  );

  if (step.kind === "waiting") {
    return (
      <div className={className}>
        <p role="status">An admin has to approve your account. You will get an email.</p>
        {again}
      </div>
    );
  }
  if (step.kind === "code") {
    const verify = submit(async (fields) =>
      goOn(await ways.verifyEmailCode(step.emailCode, { code: text(fields, "code").trim() })),
    );
    return (
      <form key="code" className={className} aria-busy={busy} onSubmit={verify}>
        <p role="status">We have sent a code to {email}, if that address can sign in.</p>
        <label htmlFor={`${id}-code`}>Code from the email</label>
        <input {...code} id={`${id}-code`} ref={focused} aria-describedby={describedBy} />
        <button type="submit" disabled={busy}>
          Sign in
        </button>
        {again}
        {message}
      </form>
    );
  }
  if (step.kind === "second") {
    const { methods, finish } = step.required;
    const verify = submit(async (fields) => {
      const recovery = recoveryCode.trim();
      finished(await finish(recovery ? { recoveryCode: recovery } : { code: text(fields, "code").trim() }));
    });
    const takesTotp = methods.includes("totp");
    const takesRecoveryCodes = methods.includes("recovery_code");
    return (
      <form key="second" className={className} aria-busy={busy} onSubmit={verify}>
        <p>Your account needs a second step.</p>
        {takesTotp && (
          <>
            <label htmlFor={`${id}-code`}>Code from your authenticator app</label>
            <input
              {...code}
              id={`${id}-code`}
              ref={focused}
              required={recoveryCode === ""}
              aria-describedby={describedBy}
            />
          </>
        )}
        {takesRecoveryCodes && (
          <>
            <label htmlFor={`${id}-recovery`}>
              {takesTotp ? "Or one of your recovery codes" : "One of your recovery codes"}
            </label>
            <input
              id={`${id}-recovery`}
              name="recovery_code"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              required={!takesTotp}
              ref={takesTotp ? undefined : focused}
              value={recoveryCode}
              onChange={(event) => setRecoveryCode(event.currentTarget.value)}
              aria-describedby={describedBy}
            />
          </>
        )}
        {(takesTotp || takesRecoveryCodes) && (
          <button type="submit" disabled={busy}>
            Sign in
          </button>
        )}
        {methods.includes("passkey") && (
          <button
            type="button"
            disabled={busy}
            ref={takesTotp || takesRecoveryCodes ? undefined : focused}
            onClick={() => attempt(async () => finished(await finish({ passkey: true })))}
          >
            Use a passkey
          </button>
        )}
        {again}
        {message}
      </form>
    );
  }

  const sendCode = (form: HTMLFormElement | null) => {
    const field = form?.elements.namedItem("email");
    if (field instanceof HTMLInputElement && !field.reportValidity()) return;
    attempt(async () => setStep({ kind: "code", emailCode: await ways.signInWithEmail({ email }) }));
  };
  const start = submit(async (fields) => {
    goOn(await ways.signIn({ email, password: text(fields, "password") }));
  });
  return (
    <form key="start" className={className} aria-busy={busy} onSubmit={start}>
      <label htmlFor={`${id}-email`}>Email</label>
      <input
        id={`${id}-email`}
        name="email"
        inputMode="email"
        autoCapitalize="none"
        spellCheck={false}
        autoComplete="username"
        required
        ref={focused}
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
        aria-describedby={describedBy}
      />
      <label htmlFor={`${id}-password`}>Password</label>
      <input
        id={`${id}-password`}
        name="password"
        type="password"
        autoComplete="current-password"
        required
        aria-describedby={describedBy}
      />
      <button type="submit" disabled={busy}>
        Sign in
      </button>
      {message}
      {config?.email_sign_in && config.turnstile_site_key === null && (
        <button type="button" disabled={busy} onClick={(event) => sendCode(event.currentTarget.form)}>
          Email me a code
        </button>
      )}
      {config?.email_sign_in && config.turnstile_site_key !== null && (
        <a href={signInPage(config.app_url, new URL(returnTo ?? location.href, location.href).href)}>
          Sign in with a code by email
        </a>
      )}
      {hasPasskeys && (
        <button
          type="button"
          disabled={busy}
          onClick={() => attempt(async () => finished(await ways.signInWithPasskey()))}
        >
          Sign in with a passkey
        </button>
      )}
      {config?.identity_providers.map(({ id, name }) => (
        <button
          key={id}
          type="button"
          disabled={busy}
          onClick={() => attempt(() => ways.signInWithProvider(id, returnTo === undefined ? {} : { returnTo }))}
        >
          Sign in with {name}
        </button>
      ))}
    </form>
  );
}

/** The properties of a field for a code of digits. */
const code = {
  name: "code",
  inputMode: "numeric",
  autoComplete: "one-time-code",
  required: true,
} as const;

function text(fields: FormData, name: string): string {
  const value = fields.get(name);
  return typeof value === "string" ? value : "";
}

/** Returns what to show to the user. `fetch` throws a TypeError if there is no response. */
function sentence(error: unknown): string {
  if (error instanceof TypeError) return "The service cannot be reached. Check your connection and try again.";
  return error instanceof Error ? error.message : String(error);
}
