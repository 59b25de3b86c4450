// Why emails do not reach a user, with a button to try again.

import { useAction } from "./action";
import { callSignedIn } from "./api";
import { ActionButton } from "./button";
import { Section } from "./section";
import { Moment } from "./time";

export interface EmailProblem {
  reason: "bounce" | "complaint";
  at: number;
}

interface EmailProblemProps {
  email: string;
  problem: EmailProblem;
  /** Whose account it is: `me`, or `admin/users/…`. */
  path: string;
  changed: () => Promise<void>;
}

export function EmailProblemSection({ email, problem, path, changed }: EmailProblemProps) {
  const { busy, outcome, run } = useAction();
  const tryAgain = () =>
    run(async () => {
      await callSignedIn("DELETE", `${path}/email-problem`);
      await changed();
    });
  return (
    <Section title="Email problem" outcome={outcome}>
      <p>
        {problem.reason === "bounce" ? `Emails to ${email} came back.` : `An email to ${email} was marked as spam.`}{" "}
        Since <Moment at={problem.at} />, only security notices are sent there.
      </p>
      <ActionButton label="Send email there again" busy={busy} act={tryAgain} />
    </Section>
  );
}
