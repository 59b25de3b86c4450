// A list of sessions, each with a button that ends it.

import { ActionButton } from "./button";
import { Distance, Moment } from "./time";
import { nameOf } from "./user-agent";

export interface Session {
  id: string;
  user_agent: string | null;
  created_at: number;
  expires_at: number;
  /** Whether it is the one that asks; absent where somebody else's are listed. */
  current?: boolean;
}

interface SessionsProps {
  sessions: Session[];
  busy: boolean;
  end: (session: Session) => void;
}

export function Sessions({ sessions, busy, end }: SessionsProps) {
  if (sessions.length === 0) return <p class="soft">No session.</p>;
  return (
    <ul class="rows">
      {sessions.map((session) => (
        <li key={session.id}>
          <div>
            <strong>{nameOf(session.user_agent)}</strong>
            <small>
              since <Moment at={session.created_at} />, ends <Distance to={session.expires_at} />
            </small>
          </div>
          {session.current ? (
            <span class="badge">This one</span>
          ) : (
            <ActionButton label="End" about={nameOf(session.user_agent)} busy={busy} act={() => end(session)} />
          )}
        </li>
      ))}
    </ul>
  );
}
