// The steps of a sign-in or a sign-up by email, after the request for the email: typing its code, or following its link.
//
// Programs that scan mail open links and run scripts. So the link does nothing by itself. In the browser that asked, it takes a click.
// Every other browser lacks the token, and shows the code so that the user can type it.

import { rich, t } from "../languages";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useAction } from "../design/action";
import { ApiError, call } from "./api";
import { type AskedCode, askedCodes } from "./asked-codes";
import { ActionButton } from "../design/button";
import { copyText } from "./clipboard";
import { CodeField, Form, Message } from "../design/form";
import { leaveFor } from "./leave";
import { focusTitle } from "../design/page";

/** A step after the request for the email. */
export type EmailStep =
  /** The user types the code. */
  | { kind: "code"; asked: AskedCode }
  /** The user has opened the link in the browser that asked. */
  | { kind: "link"; asked: AskedCode; secret: string }
  /** The user has opened the link in another browser. */
  | { kind: "elsewhere"; code: string }
  /** An admin has to approve the account. */
  | { kind: "waiting"; email: string };

/** Returns the title of a step, if it has one of its own. */
export function titleOfStep(kind: EmailStep["kind"]): string | undefined {
  const titles = { code: "email_code.check", elsewhere: "email_code.elsewhere", waiting: "approval.waiting" } as const;
  return kind === "link" ? undefined : t(titles[kind]);
}

/** What this tab was doing. Phones reload a page after a visit to the mail app. */
interface Progress {
  link?: { id: string; code: string; secret: string };
  /** The id of the code that the user is about to type. */
  asked?: string;
}

/** Keeps the progress in this history entry, which only this tab can read, so that the page can be reloaded. */
function keep(progress: Progress): void {
  history.replaceState(progress, "", location.pathname + location.search);
}

/**
 * Returns the step that this tab was opened with, or had reached before it was reloaded, if any. Removes the link from the address bar
 * immediately, to keep it out of the history, bookmarks and screenshots.
 */
export function readStep(): EmailStep | undefined {
  // A link that is pasted into the address bar of this page only changes the fragment.
  addEventListener("hashchange", () => location.reload());
  const fragment = new URLSearchParams(location.hash.slice(1));
  const [id, code, secret] = ["id", "code", "secret"].map((name) => fragment.get(name));
  // Anyone can write a link. Only digits are shown.
  if (id && secret && code && /^\d{6}$/.test(code)) keep({ link: { id, code, secret } });
  const progress: Progress = history.state ?? {};
  const asked = askedCodes.recall(progress.link?.id ?? progress.asked ?? "");
  if (!progress.link) return asked && { kind: "code", asked };
  return asked
    ? { kind: "link", asked, secret: progress.link.secret }
    : { kind: "elsewhere", code: progress.link.code };
}

/** Returns the step after the request for the email. */
export function askedFor(asked: AskedCode): EmailStep {
  keep({ asked: asked.id });
  return { kind: "code", asked };
}

/** Forgets a code that has been used, in all tabs of this browser. */
export function finish(asked: AskedCode): void {
  keep({});
  askedCodes.forget(asked);
}

/** What completes the proof, together with the token. */
export type Answer = { code: string } | { secret: string };

interface EmailStepsProps {
  step: EmailStep;
  /** The label of the buttons that finish. */
  label: string;
  /** What the step `code` says about the email. */
  sent: (email: string) => string;
  /** What the step `link` says about the email. */
  question: (email: ComponentChildren) => ComponentChildren;
  /** Sends the token and the answer. */
  verify: (asked: AskedCode, answer: Answer) => Promise<void>;
  /** Goes back to the form, with the email if it is known. */
  startAgain: (email: string) => void;
  /** Where to go when another tab has finished. */
  destination: (asked: AskedCode) => string;
}

export function EmailSteps({ step, label, sent, question, verify, startAgain, destination }: EmailStepsProps) {
  const leave = (email: string) => {
    keep({});
    startAgain(email);
  };
  if (step.kind === "waiting") return <WaitingForApproval email={step.email} />;
  if (step.kind === "elsewhere") return <CodeElsewhere code={step.code} startAgain={() => leave("")} />;
  const { asked } = step;
  const again = (text: string) => (
    <button type="button" class="link" onClick={() => leave(asked.email)}>
      {text}
    </button>
  );
  if (step.kind === "code") {
    return (
      <CodeEntry asked={asked} label={label} verify={verify} destination={destination(asked)}>
        <p role="status">
          {sent(asked.email)} {t("email_code.enter")}
        </p>
        <p>{rich("email_code.none", { again: again(t("email_code.none.again")) })}</p>
      </CodeEntry>
    );
  }
  return (
    <>
      <p>{question(<strong>{asked.email}</strong>)}</p>
      <Form label={label} submit={() => verify(asked, { secret: step.secret }).catch(explainLink)} />
      <p>{again(t("sign_in.again"))}</p>
    </>
  );
}

/** Says of a link what the service says of a code. */
function explainLink(error: unknown): never {
  if (!(error instanceof ApiError && error.code === "wrong_code")) throw error;
  throw new ApiError(error.code, t("email_code.link_used"));
}

interface CodeEntryProps {
  asked: AskedCode;
  label: string;
  verify: EmailStepsProps["verify"];
  destination: string;
  /** The text before and after the form. */
  children: [ComponentChildren, ComponentChildren];
}

function CodeEntry({ asked, label, verify, destination, children: [before, after] }: CodeEntryProps) {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => {
    container.current?.querySelector("input")?.focus();
    return askedCodes.onUse(asked, () => {
      call("GET", "me").then(
        () => leaveFor(destination),
        // The other tab has not signed in yet.
        () => {},
      );
    });
  }, [asked]);
  return (
    <div ref={container}>
      {before}
      <Form label={label} submit={({ code = "" }) => verify(asked, { code })}>
        <CodeField name="code" />
      </Form>
      {after}
    </div>
  );
}

/** Shows the code in a browser that has not asked for it. */
function CodeElsewhere({ code, startAgain }: { code: string; startAgain: () => void }) {
  const { busy, outcome, run } = useAction();
  return (
    <>
      <p>{t("email_code.enter_there")}</p>
      <p class="mailed-code">
        <code>{code}</code>
        <ActionButton label={t("copy")} about={t("code")} busy={busy} act={() => run(() => copyText(code, "code"))} />
      </p>
      <Message outcome={outcome} />
      <p>{t("email_code.other_browser")}</p>
      <p>
        <button type="button" class="link" onClick={startAgain}>
          {t("email_code.use_this_browser")}
        </button>
      </p>
    </>
  );
}

function WaitingForApproval({ email }: { email: string }) {
  useEffect(focusTitle, []);
  return (
    <>
      <p role="status">{rich("approval.verified", { email: <strong>{email}</strong> })}</p>
      <p>
        <a href="/signin">{t("sign_in")}</a>
      </p>
    </>
  );
}
