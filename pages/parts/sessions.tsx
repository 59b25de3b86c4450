// A list of sessions, each with a button to end it.

import type { Listed } from "./api";
import { ActionButton } from "./button";
import { Distance, Moment } from "./time";

export interface Session {
  id: string;
  user_agent: string | null;
  browser: string | null;
  system: string | null;
  created_at: number;
  expires_at: number;
  /** Whether this session made the request; absent in lists of another user's sessions. */
  current?: boolean;
}

/** Returns a name such as "Firefox on Linux". */
export const deviceOf = ({ browser, system }: Pick<Session, "browser" | "system">) =>
  [browser, system].filter((word) => word !== null).join(" on ") || "Unknown device";

interface SessionsProps {
  sessions: Listed<Session>;
  busy: boolean;
  end: (session: Session) => void;
}

/** Returns the first characters of a session's id, enough to match a session with its events. */
export const shortId = (id: string) => id.slice(0, 8);

export function Sessions({ sessions: { items, total }, busy, end }: SessionsProps) {
  if (items.length === 0) return <p class="soft">No sessions.</p>;
  return (
    <>
      {total > items.length && (
        <p class="soft">
          Showing {items.length} of {total} sessions.
        </p>
      )}
      <ul class="rows">
        {items.map((session) => (
          <li key={session.id}>
            <div>
              <strong>{deviceOf(session)}</strong>
              <small>
                signed in <Moment at={session.created_at} />, expires <Distance to={session.expires_at} />, session{" "}
                {shortId(session.id)}
              </small>
            </div>
            {session.current ? (
              <span class="badge">This session</span>
            ) : (
              <ActionButton label="End" about={deviceOf(session)} busy={busy} act={() => end(session)} />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
