// Formats times in the language of the reader and the browser's time zone.

import { locale } from "../languages";

const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const date = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const distance = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** A point in time, from UNIX milliseconds. */
export function Moment({ at }: { at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{moment.format(at)}</time>;
}

/** The day of a point in time. */
export function Day({ at }: { at: number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={moment.format(at)}>
      {date.format(at)}
    </time>
  );
}

/** The time until or since a point in time, rounded to whole days, hours or minutes: "in 7 days", "2 hours ago", "now". */
export function Distance({ to }: { to: number }) {
  return (
    <time dateTime={new Date(to).toISOString()} title={moment.format(to)}>
      {formatDistance(to - Date.now())}
    </time>
  );
}

/** Formats a time span in milliseconds; negative ones are in the past. A week that has just begun is still "in 7 days". */
function formatDistance(span: number): string {
  const size = Math.abs(span);
  if (size < minute / 2) return distance.format(0, "second");
  if (Math.round(size / minute) < 60) return distance.format(Math.round(span / minute), "minute");
  if (Math.round(size / hour) < 24) return distance.format(Math.round(span / hour), "hour");
  return distance.format(Math.round(span / day), "day");
}
