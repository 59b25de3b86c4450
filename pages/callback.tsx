// Completes a sign-in with an identity provider, or the linking of one. The provider sends the user back to the service, which redirects
// to `/callback#provider=<id>&state=<state>&code=<code>`, or with `error` instead of `code` (RFC 6749, section 4.1.2).
//
// It is a page of its own because browsers send the session cookie, which is SameSite=Strict, only with requests of our own pages.

import { Button } from "./design/button";
import { listed, t, type TextKey } from "./languages";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useAction } from "./design/action";
import { ApiError, call, callSignedIn, loadOwnUser } from "./parts/api";
import type { Config } from "./parts/config";
import { destination } from "./parts/destination";
import { Message } from "./design/form";
import { leaveFor } from "./parts/leave";
import { focusTitle, Page, start } from "./design/page";
import { goToProvider, type ProviderSignIn, providerSignIns } from "./parts/provider-sign-in";
import type { Method } from "./parts/proof";
import { type PendingSignIn, pendingAfter, SecondStep } from "./parts/second-step";
import type { Session } from "./parts/sessions";
import { signIn } from "./parts/sign-in";

/** What the provider has answered, as the fragment says it. */
interface Answer {
  provider?: string;
  state?: string;
  code?: string;
  iss?: string;
  /** What Apple says about the user, the first time only. */
  user?: string;
  error?: string;
}

/** What this tab was doing, so that it can be reloaded. */
interface Progress {
  answer?: Answer;
  pending?: PendingSignIn;
}

/** Keeps the progress in this history entry, which only this tab can read. */
function keep(progress: Progress): void {
  history.replaceState(progress, "", location.pathname);
}

// A link that is pasted into the address bar of this page only changes the fragment.
addEventListener("hashchange", () => location.reload());

// Removes the code from the address bar immediately, to keep it out of the history, bookmarks and screenshots.
if (location.hash) keep({ answer: Object.fromEntries(new URLSearchParams(location.hash.slice(1))) });
const { answer = {}, pending }: Progress = history.state ?? {};

type Step =
  | { kind: "working"; begun: ProviderSignIn }
  | { kind: "second"; begun: ProviderSignIn; pending: PendingSignIn }
  | { kind: "waiting" }
  /** There is nothing to complete. */
  | { kind: "nothing"; text: TextKey }
  | { kind: "problem"; begun: ProviderSignIn; error: ApiError };

/** The codes of providers for users who have canceled. The second one is Apple's. */
const cancellations = ["access_denied", "user_cancelled_authorize"];

function firstStep(): Step {
  const { provider, state, code, error } = answer;
  const begun = providerSignIns.recall(state ?? "");
  // The answer of another provider would mix up whose user it is (RFC 9700, section 4.4).
  if (!begun || begun.request.provider.id !== provider) {
    if (error && cancellations.includes(error)) return { kind: "nothing", text: "callback.canceled" };
    if (!state) return { kind: "nothing", text: "callback.nothing" };
    return { kind: "nothing", text: "callback.elsewhere" };
  }
  if (pending) return { kind: "second", begun, pending };
  if (code || !begun.token) return { kind: "working", begun };
  const { name } = begun.request.provider;
  const isCanceled = error !== undefined && cancellations.includes(error);
  const problem = isCanceled
    ? new ApiError("canceled", t("callback.canceled_at", { provider: name }))
    : new ApiError("provider_error", t("callback.problem", { provider: name }));
  return { kind: "problem", begun, error: problem };
}

/** Where the user goes when everything is done. */
function target({ request: { links, return_to } }: ProviderSignIn, config: Config): string {
  return links ? "/account" : destination(return_to, config);
}

/** Marks a sign-in as used. When the page is loaded again, it only goes on. */
function finish({ id, expires_at, request }: ProviderSignIn): void {
  providerSignIns.remember({ id, expires_at, request });
  keep({ answer: { provider: request.provider.id, state: id } });
}

/** Does the work while no other tab does it for the same sign-in, where browsers support this: not over plain http. */
function alone(id: string, work: () => Promise<Step>): Promise<Step> {
  return navigator.locks ? navigator.locks.request(`provider-sign-in:${id}`, work).then((step) => step) : work();
}

/** How long the service lets a user take at the provider, in milliseconds. */
const lifetime = 30 * 60_000;

/** Returns whether this browser has a session that is newer than the sign-in. An older one can be that of another user. */
async function hasNewSession({ expires_at }: ProviderSignIn): Promise<boolean> {
  const sessions = await call<Session[]>("GET", "me/sessions");
  return sessions.some(({ current, created_at }) => current && created_at >= expires_at - lifetime);
}

/** Goes on after a sign-in that was used before. `isKnown` is true if this browser got the session. */
async function goOn(begun: ProviderSignIn, config: Config, isKnown: boolean): Promise<Step> {
  const used: Step = { kind: "nothing", text: "callback.used" };
  try {
    if (isKnown) await call("GET", "me");
    else if (!(await hasNewSession(begun))) return used;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.code === "invalid_token" ? used : { kind: "problem", begun, error };
  }
  leaveFor(target(begun, config));
  return { kind: "working", begun };
}

/** Sends the code, and the token of this browser. Returns the next step. */
async function complete(config: Config, { id }: ProviderSignIn): Promise<Step> {
  // Another tab may have changed it while this one waited.
  const begun = providerSignIns.recall(id);
  if (!begun) return { kind: "nothing", text: "callback.expired" };
  const { token, request, isUnderWay } = begun;
  if (!token) return await goOn(begun, config, true);
  const { code, state, iss, user } = answer;
  const json = { token, code, state, iss, user };
  try {
    providerSignIns.remember({ ...begun, isUnderWay: true });
    if (request.links) return await link(begun, json);
    const result = await signIn(`login/${request.provider.id}/callback`, json, config);
    finish(begun);
    if (result === "waiting_for_approval") return { kind: "waiting" };
    leaveFor(target(begun, config));
    return { kind: "working", begun };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code !== "unreachable") providerSignIns.remember({ ...begun, isUnderWay: false });
    if (error.code === "second_factor_required") {
      const pending = pendingAfter(error);
      keep({ answer: { provider: request.provider.id, state }, pending });
      return { kind: "second", begun, pending };
    }
    // The first attempt has succeeded. A link belongs to the session that began it.
    if (isUnderWay && error.code === "provider_refused") return await goOn(begun, config, request.links === true);
    return { kind: "problem", begun, error };
  }
}

async function link(begun: ProviderSignIn, json: unknown): Promise<Step> {
  const { name, id } = begun.request.provider;
  try {
    await call("GET", "me");
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "invalid_token")) throw error;
    throw new ApiError("signed_out", t("callback.signed_out", { provider: name }));
  }
  await loadOwnUser();
  const identity = await callSignedIn<{ id: string }>("POST", `me/identities/${id}/callback`, { json });
  finish(begun);
  leaveFor(`/account#security?linked=${encodeURIComponent(identity.id)}`);
  return { kind: "working", begun };
}

start(["sign-in"], ({ config }) => {
  const [step, setStep] = useState<Step>(firstStep);
  useEffect(() => {
    if (step.kind !== "working") return;
    const { begun } = step;
    alone(begun.id, () => complete(config, begun)).then(setStep);
  }, []);
  const resume = async (begun: ProviderSignIn) => setStep(await alone(begun.id, () => complete(config, begun)));

  return (
    <Page config={config} title={titleOf(step)}>
      {step.kind === "working" && <p aria-busy="true">{t("callback.working")}</p>}
      {step.kind === "second" && (
        <SecondStep
          config={config}
          pending={step.pending}
          signedIn={() => {
            finish(step.begun);
            leaveFor(target(step.begun, config));
          }}
          startAgain={() => leaveFor(signInPage(step.begun))}
        />
      )}
      {step.kind === "waiting" && <Waiting />}
      {step.kind === "nothing" && (
        <>
          <p role="status">{t(step.text)}</p>
          <a class="button primary" href="/signin">
            {t("sign_in")}
          </a>
        </>
      )}
      {step.kind === "problem" && <Problem step={step} resume={() => resume(step.begun)} />}
    </Page>
  );
});

function titleOf(step: Step): string {
  switch (step.kind) {
    case "working":
      return step.begun.request.links
        ? t("callback.linking", { provider: step.begun.request.provider.name })
        : t("callback.signing_in");
    case "second":
      return t("sign_in.second");
    case "waiting":
      return t("approval.waiting");
    case "problem":
      return t(step.begun.request.links ? "callback.not_linked" : "callback.not_signed_in");
    case "nothing":
      return t("sign_in");
  }
}

const signInPage = (begun: ProviderSignIn) => `/signin${query(begun)}`;
const signUpPage = (begun: ProviderSignIn) => `/signup${query(begun)}`;

/** Returns the query with which another page leads to where this one leads. */
function query({ request: { return_to } }: ProviderSignIn): string {
  return return_to ? `?next=${encodeURIComponent(return_to)}` : "";
}

function Waiting() {
  useEffect(focusTitle, []);
  return (
    <>
      <p role="status">{t("approval.decides")}</p>
      <p>
        <a href="/signin">{t("sign_in")}</a>
      </p>
    </>
  );
}

/** The errors after which the same code can be sent again. */
const resumable = ["unreachable", "unavailable", "too_many_requests", "reauthentication_required"];
/** The errors after which the provider can be asked again. */
const repeatable = ["canceled", "provider_error", "provider_refused", "provider_unavailable", "unexpected"];
/** The errors of those who need another way to sign up. */
const signUpErrors = [
  "invitation_required",
  "referrer_refused",
  "domain_refused",
  "provider_email_missing",
  "provider_email_unverified",
];

/** The ways to sign in, as `account_exists` names them. */
const ways = ["password", "passkey", "email_code"] as const;

/** Returns a list such as "your password, a passkey or a code by email". */
function namesOf(methods: Method[]): string {
  const names = ways.filter((way) => methods.includes(way)).map((way) => t(`callback.method.${way}`));
  return listed(names, "disjunction");
}

interface ProblemProps {
  step: Extract<Step, { kind: "problem" }>;
  /** Sends the same code again. */
  resume: () => Promise<void>;
}

function Problem({ step: { begun, error }, resume }: ProblemProps) {
  const { request } = begun;
  const { code, message, detail } = error;
  const { busy, outcome, run } = useAction();
  const again = resumable.includes(code) ? resume : repeatable.includes(code) ? () => goToProvider(request) : undefined;
  let next: ComponentChildren = <a href={signInPage(begun)}>{t("callback.another_way")}</a>;
  if (request.links && code !== "signed_out") next = <a href="/account#security">{t("callback.back")}</a>;
  else if (code === "signed_out" || code === "account_exists") next = <a href={signInPage(begun)}>{t("sign_in")}</a>;
  return (
    <>
      <p class="message error" role="alert">
        {message}
      </p>
      {code === "account_exists" && (
        <p>{t("callback.methods", { methods: namesOf((detail as { methods: Method[] }).methods) })}</p>
      )}
      {again && <Button label={t("try_again")} intent="primary" busy={busy} act={() => run(again)} />}
      <Message outcome={outcome} />
      {signUpErrors.includes(code) && (
        <p>
          <a href={signUpPage(begun)}>{t("callback.sign_up_another_way")}</a>
        </p>
      )}
      <p>{next}</p>
    </>
  );
}
