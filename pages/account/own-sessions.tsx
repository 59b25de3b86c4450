// Lists the signed-in user's sessions.

import { useAction } from "../design/action";
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
  return (
    <Section title={t("sessions")} outcome={outcome}>
      <Sessions sessions={sessions} busy={busy} end={end} />
    </Section>
  );
}
