// What has happened, newest first, page by page.

import { useEffect, useState } from "preact/hooks";
import { useAction } from "./action";
import { callSignedIn } from "./api";
import { ActionButton } from "./button";
import { Message } from "./form";
import { shortId } from "./sessions";
import { Moment } from "./time";

/** The id of the actor of what `npm run admin` and other scripts do. */
const OPERATOR = "operator";

interface Person {
  id: string;
  /** Not told of others to whoever is no admin, nor of the deleted to anybody. */
  email: string | null;
}

interface Event {
  id: number;
  at: number;
  action: string;
  /** `success`, or the code of a refusal. */
  result: string;
  actor: Person | null;
  subject: Person | null;
  /** A keyed hash: the same address has the same one. */
  address: string | null;
  /** The session that acted, as in the list of sessions. */
  session_id: string | null;
  /** The role and tier of the subject, where the act has set them. */
  old_value: Rights | null;
  new_value: Rights | null;
}

interface Rights {
  role?: string;
  tier?: number;
}

interface EventsPage {
  items: Event[];
  /** Where the next page begins, if there is one. */
  next: number | null;
}

interface EventsProps {
  /** `me/events` or `admin/events`. */
  path: string;
  query?: Record<string, string>;
  /** Who is looking: named nowhere, because it is clear. */
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
      {items?.length === 0 && <p class="soft">Nothing yet.</p>}
      <ol class="rows">
        {items?.map((event) => (
          <li key={event.id}>
            <div>
              <strong>{words(event.action)}</strong>
              {event.result !== "success" && <span class="badge refusal">{words(event.result)}</span>}
              <small>
                <Moment at={event.at} />
                {event.actor &&
                  event.actor.id !== self &&
                  `, by ${event.actor.id === OPERATOR ? "the operator" : (event.actor.email ?? "somebody else")}`}
                {event.subject &&
                  event.subject.id !== (self ?? event.actor?.id) &&
                  `, on ${event.subject.email ?? "a user"}`}
                {event.new_value && `, ${change(event.old_value ?? {}, event.new_value)}`}
                {event.address && `, from address ${event.address}`}
                {event.session_id && `, in session ${shortId(event.session_id)}`}
              </small>
            </div>
          </li>
        ))}
      </ol>
      {next !== null && <ActionButton label="Show earlier ones" busy={busy} act={() => load(next)} />}
      <Message outcome={outcome} />
    </>
  );
}

/** The change of the role and the tier, such as `role user to admin`. */
function change(old: Rights, now: Rights): string {
  const name = (key: keyof Rights) => `${key} ${old[key] === undefined ? "" : `${old[key]} to `}${now[key]}`;
  return (["role", "tier"] as const)
    .filter((key) => now[key] !== undefined)
    .map(name)
    .join(", ");
}

/** `wrong_credentials` as "Wrong credentials". */
function words(name: string): string {
  const text = name.replaceAll(/[_.-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
