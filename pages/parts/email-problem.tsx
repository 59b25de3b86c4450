// Why emails do not reach a user, with a button to try again.

import { rich, t } from "../languages";
import { useAction } from "../design/action";
import { callSignedIn } from "./api";
import { ActionButton } from "../design/button";
import { Section } from "../design/section";
import { Moment } from "../design/time";

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
    <Section title={t("email_problem")} outcome={outcome}>
      <p>
        {t(`email_problem.${problem.reason}`, { email })}{" "}
        {rich("email_problem.since", { when: <Moment at={problem.at} /> })}
      </p>
      <ActionButton label={t("email_problem.clear")} busy={busy} act={tryAgain} />
    </Section>
  );
}
