// A list of sessions, each with a button that ends it.

import type { Listed } from "./api";
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
  sessions: Listed<Session>;
  busy: boolean;
  end: (session: Session) => void;
}

/** The first characters of a session's id, enough to find the session of an event. */
export const shortId = (id: string) => id.slice(0, 8);

export function Sessions({ sessions: { items, total }, busy, end }: SessionsProps) {
  if (items.length === 0) return <p class="soft">No session.</p>;
  return (
    <>
      {total > items.length && (
        <p class="soft">
          {items.length} of {total} sessions are shown.
        </p>
      )}
      <ul class="rows">
        {items.map((session) => (
          <li key={session.id}>
            <div>
              <strong>{nameOf(session.user_agent)}</strong>
              <small>
                since <Moment at={session.created_at} />, ends <Distance to={session.expires_at} />, session{" "}
                {shortId(session.id)}
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
    </>
  );
}
