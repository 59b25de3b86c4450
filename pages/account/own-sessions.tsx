// Lists the signed-in user's sessions.

import { useAction } from "../parts/action";
import { callSignedIn, type Listed } from "../parts/api";
import { Section } from "../parts/section";
import { type Session, Sessions } from "../parts/sessions";

export function OwnSessions({ sessions, changed }: { sessions: Listed<Session>; changed: () => Promise<void> }) {
  const { busy, outcome, run } = useAction();
  const end = (session: Session) =>
    run(async () => {
      await callSignedIn("DELETE", `me/sessions/${encodeURIComponent(session.id)}`);
      await changed();
      return "Session ended.";
    });
  return (
    <Section title="Sessions" outcome={outcome}>
      <Sessions sessions={sessions} busy={busy} end={end} />
    </Section>
  );
}
