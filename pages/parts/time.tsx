// Formats times in the language of the pages and the browser's time zone.

const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const distance = new Intl.RelativeTimeFormat("en-GB");

const minute = 60_000;
const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 24 * 60 * minute],
  ["hour", 60 * minute],
  ["minute", minute],
];

/** A point in time, from UNIX milliseconds. */
export function Moment({ at }: { at: number }) {
  return <time dateTime={new Date(at).toISOString()}>{moment.format(at)}</time>;
}

/** The time left until a point in time, rounded down to whole days, hours or minutes: "in 89 days". */
export function Distance({ to }: { to: number }) {
  const left = to - Date.now();
  const [unit, length] = units.find(([, length]) => left >= length) ?? ["minute", minute];
  return (
    <time dateTime={new Date(to).toISOString()} title={moment.format(to)}>
      {distance.format(Math.floor(left / length), unit)}
    </time>
  );
}
