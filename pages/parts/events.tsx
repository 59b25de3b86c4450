// A paged list of audit events, newest first.

import { Empty, Skeleton } from "../design/skeleton";
import { t, textOf } from "../languages";
import { deviceOf, type Origin, placeOf } from "./device";
import { useEffect, useState } from "preact/hooks";
import { useAction } from "../design/action";
import { callSignedIn } from "./api";
import { ActionButton } from "../design/button";
import { Message } from "../design/form";
import { Moment } from "../design/time";

/** The actor id of `npm run admin` and other scripts. */
const OPERATOR = "operator";

interface Person {
  id: string;
  /** Null for deleted users, and for other users unless the viewer is an admin. */
  email: string | null;
}

interface Event extends Origin {
  id: number;
  at: number;
  action: string;
  /** `success` or an error code. */
  result: string;
  actor: Person | null;
  subject: Person | null;
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
  /** Whether the query is a search, which may find nothing in a part of the events. */
  isSearch?: boolean;
  /** How many events a page has. */
  limit?: number;
  /** What to check if the search finds nothing. */
  hint?: string | undefined;
  /** The id of the user whose list it is, whom the list does not mention. */
  self?: string;
}

export function Events({ path, query = {}, isSearch, hint, limit = 20, self }: EventsProps) {
  const [items, setItems] = useState<Event[]>();
  const [next, setNext] = useState<number | null>(null);
  const { busy, outcome, run } = useAction();

  const load = (before: number | null) =>
    run(async () => {
      const parameters = new URLSearchParams({
        ...query,
        limit: String(limit),
        ...(before ? { before: String(before) } : {}),
      });
      const page = await callSignedIn<EventsPage>("GET", `${path}?${parameters}`);
      setItems((earlier) => [...((before && earlier) || []), ...page.items]);
      setNext(page.next);
    });
  useEffect(() => {
    load(null);
  }, [path, JSON.stringify(query)]);

  return (
    <>
      {!items && !outcome && <Skeleton lines={5} />}
      {items?.length === 0 && (
        <Empty>
          {t(isSearch ? "events.none_found" : "events.none")}
          {isSearch && hint && <small>{hint}</small>}
        </Empty>
      )}
      <ol class="rows">
        {items?.map((event) => (
          <li key={event.id}>
            <div>
              <span class="badges">
                <strong>{nameOf(event)}</strong>
                {event.result !== "success" && (
                  <span class="badge error">{textOf(`result.${event.result}`) ?? words(event.result)}</span>
                )}
              </span>
              <small>
                <Moment at={event.at} />
                {details(event, self).map((detail) => ` · ${detail}`)}
              </small>
            </div>
          </li>
        ))}
      </ol>
      {next !== null && (
        <ActionButton label={t(isSearch ? "events.further" : "events.earlier")} busy={busy} act={() => load(next)} />
      )}
      <Message outcome={outcome} />
    </>
  );
}

/** What was done, or what failed: "Signed in", "Failed: Signed in" is "Sign-in failed". */
function nameOf({ action, result }: Event): string {
  const name = textOf(`event.${action}`) ?? words(action);
  if (result === "success") return name;
  return action === "login" ? t("events.login_failed") : t("events.failed", { event: name });
}

/** What is said of an event besides its name and time. The user whose list it is is not mentioned. */
function details(event: Event, self: string | undefined): string[] {
  const { actor, subject, old_value, new_value } = event;
  return [
    deviceOf(event),
    placeOf(event),
    actor && actor.id !== self && byWhom(actor),
    subject &&
      subject.id !== (self ?? actor?.id) &&
      (subject.email ? t("events.about", { user: subject.email }) : t("events.about.other")),
    ...(new_value ? changes(old_value ?? {}, new_value) : []),
  ].filter((detail) => typeof detail === "string");
}

function byWhom({ id, email }: Person): string {
  if (id === OPERATOR) return t("events.by.operator");
  return email ? t("events.by", { user: email }) : t("events.by.other");
}

/** Describes the change of the role and the tier, such as `role: admin (was user)`. */
function changes(old: Rights, now: Rights): string[] {
  // What all new users get says nothing.
  if (old.role === undefined && now.role === "user" && now.tier === 0) return [];
  return (["role", "tier"] as const).flatMap((key) => {
    if (now[key] === undefined) return [];
    const values = { right: t(`events.right.${key}`), new: String(now[key]) };
    return old[key] === undefined
      ? t("events.change", values)
      : t("events.change.was", { ...values, old: String(old[key]) });
  });
}

/** Turns a name that the catalogue lacks into words: `too_many_tokens` into "Too many tokens". */
function words(name: string): string {
  const text = name.replaceAll(/[_.-]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
