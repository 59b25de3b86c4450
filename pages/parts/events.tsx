// A paged list of audit events, newest first.

import { useEffect, useState } from "preact/hooks";
import { useAction } from "./action";
import { callSignedIn } from "./api";
import { ActionButton } from "./button";
import { Message } from "./form";
import { shortId } from "./sessions";
import { Moment } from "./time";

/** The actor id of `npm run admin` and other scripts. */
const OPERATOR = "operator";

/** The address in events of the operator, who has no IP address. */
const TERMINAL = "terminal";

interface Person {
  id: string;
  /** Null for deleted users, and for other users unless the viewer is an admin. */
  email: string | null;
}

interface Event {
  id: number;
  at: number;
  action: string;
  /** `success` or an error code. */
  result: string;
  actor: Person | null;
  subject: Person | null;
  /** A keyed hash of the IP address, or `terminal`. */
  address: string | null;
  /** The id of the acting session, as in the list of sessions. */
  session_id: string | null;
  /** The subject's role and tier, if the action set them. */
  old_value: Rights | null;
  new_value: Rights | null;
}

interface Rights {
  role?: string;
  tier?: number;
}

interface EventsPage {
  items: Event[];
  /** Where the next page starts, if there is one. */
  next: number | null;
}

interface EventsProps {
  /** `me/events` or `admin/events`. */
  path: string;
  query?: Record<string, string>;
  /** The id of the viewer, whom the list does not mention. */
  self?: string;
}

export function Events({ path, query = {}, self }: EventsProps) {
  const [items, setItems] = useState<Event[]>();
  const [next, setNext] = useState<number | null>(null);
  const { busy, outcome, run } = useAction();

  const load = (before: number | null) =>
    run(async () => {
      const parameters = new URLSearchParams({ ...query, limit: "20", ...(before ? { before: String(before) } : {}) });
      const page = await callSignedIn<EventsPage>("GET", `${path}?${parameters}`);
      setItems((earlier) => [...((before && earlier) || []), ...page.items]);
      setNext(page.next);
    });
  useEffect(() => {
    load(null);
  }, [path, JSON.stringify(query)]);

  return (
    <>
      {items?.length === 0 && <p class="soft">No events yet.</p>}
      <ol class="rows">
        {items?.map((event) => (
          <li key={event.id}>
            <div>
              <strong>{words(event.action)}</strong>
              {event.result !== "success" && <span class="badge error">{words(event.result)}</span>}
              <small>
                <Moment at={event.at} />
                {event.actor &&
                  event.actor.id !== self &&
                  `, by ${event.actor.id === OPERATOR ? "the operator" : (event.actor.email ?? "another user")}`}
                {event.subject &&
                  event.subject.id !== (self ?? event.actor?.id) &&
                  `, affecting ${event.subject.email ?? "a user"}`}
                {event.new_value && `, ${change(event.old_value ?? {}, event.new_value)}`}
                {event.address && event.address !== TERMINAL && `, IP hash ${event.address}`}
                {event.session_id && `, session ${shortId(event.session_id)}`}
              </small>
            </div>
          </li>
        ))}
      </ol>
      {next !== null && <ActionButton label="Show earlier events" busy={busy} act={() => load(next)} />}
      <Message outcome={outcome} />
    </>
  );
}

/** Describes the change of the role and the tier, such as `role: admin (was user)`. */
function change(old: Rights, now: Rights): string {
  const name = (key: keyof Rights) => `${key}: ${now[key]}${old[key] === undefined ? "" : ` (was ${old[key]})`}`;
  return (["role", "tier"] as const)
    .filter((key) => now[key] !== undefined)
    .map(name)
    .join(", ");
}

/** Turns `wrong_credentials` into "Wrong credentials". */
function words(name: string): string {
  const text = name
    .replaceAll(/[_.-]/g, " ")
    .replace(/\btotp\b/, "authenticator app")
    .replace(/\botp\b/, "OTP");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
