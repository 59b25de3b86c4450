// A list of sessions, each with a button to end it.

import { ActionButton } from "../design/button";
import { Empty } from "../design/skeleton";
import { Distance, Moment } from "../design/time";
import { rich, t } from "../languages";
import type { Listed } from "./api";
import { deviceOf, type Origin, placeOf } from "./device";

export interface Session extends Origin {
  id: string;
  created_at: number;
  /** When it was last used, to the hour. Null for sessions that have not been used since. */
  last_seen_at: number | null;
  expires_at: number;
  /** Whether this session made the request; absent in lists of another user's sessions. */
  current?: boolean;
}

interface SessionsProps {
  sessions: Listed<Session>;
  busy: boolean;
  end: (session: Session) => void;
}

export function Sessions({ sessions: { items, total }, busy, end }: SessionsProps) {
  if (items.length === 0) return <Empty>{t("sessions.none")}</Empty>;
  return (
    <>
      {total > items.length && <p class="soft">{t("sessions.some", { shown: items.length, count: total })}</p>}
      <ul class="rows">
        {items.map((session) => {
          const device = deviceOf(session) ?? t("events.device.unknown");
          const place = placeOf(session);
          const { created_at, last_seen_at, expires_at, current } = session;
          return (
            <li key={session.id}>
              <div>
                <span class="badges">
                  <strong>{device}</strong>
                  {current && <span class="badge success">{t("sessions.current")}</span>}
                </span>
                <small>
                  {place && `${place} · `}
                  {rich("sessions.signed_in", { when: <Moment at={created_at} /> })}
                </small>
                <small>
                  {last_seen_at !== null && (
                    <>{rich("sessions.last_seen", { when: <Distance to={last_seen_at} /> })} · </>
                  )}
                  {rich("sessions.expires", { when: <Distance to={expires_at} /> })}
                </small>
              </div>
              {!current && (
                <ActionButton label={t("sessions.end")} about={device} busy={busy} act={() => end(session)} />
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}
