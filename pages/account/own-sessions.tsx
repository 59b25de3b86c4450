// Lists the signed-in user's sessions.

import { useAction } from "../design/action";
import { ActionButton } from "../design/button";
import { Section } from "../design/section";
import { t } from "../languages";
import { callSignedIn, type Listed } from "../parts/api";
import { type Session, Sessions } from "../parts/sessions";

export function OwnSessions({ sessions, changed }: { sessions: Listed<Session>; changed: () => Promise<void> }) {
  const { busy, outcome, run } = useAction();
  const end = (session: Session) =>
    run(async () => {
      await callSignedIn("DELETE", `me/sessions/${encodeURIComponent(session.id)}`);
      await changed();
      return t("sessions.ended");
    });
  const others = sessions.items.filter(({ current }) => !current);
  const endOthers = () =>
    run(async () => {
      try {
        for (const { id } of others) await callSignedIn("DELETE", `me/sessions/${encodeURIComponent(id)}`);
      } finally {
        await changed();
      }
      return t("sessions.others_ended");
    });
  return (
    <Section title={t("sessions")} isView outcome={outcome}>
      <Sessions sessions={sessions} busy={busy} end={end} />
      {others.length > 1 && <ActionButton label={t("sessions.end_others")} busy={busy} act={endOthers} />}
    </Section>
  );
}
