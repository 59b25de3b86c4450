// Parses times, independently of the time zone of the machine.

const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** Smaller numbers are taken for seconds: as milliseconds, they would be before March 1973. */
const leastMilliseconds = 100_000_000_000;

/**
 * Parses milliseconds or a date in the format of ISO 8601 or Postgres. A date without a time zone is in UTC.
 *
 * @returns {{milliseconds?: number, problem?: string}}
 */
export function readTime(value) {
  const text = String(value).trim();
  if (/^\d+(\.\d+)?$/.test(text)) {
    const milliseconds = Math.trunc(Number(text));
    if (milliseconds < leastMilliseconds) return { problem: "must be a time in milliseconds, not in seconds" };
    return milliseconds < 8.64e15 ? { milliseconds } : { problem: "must be a time" };
  }
  if (/^\d{1,2}[/.]\d{1,2}[/.]\d{2,4}/.test(text))
    return { problem: "must be a time: this date is ambiguous, write it as 2024-02-01" };
  const parts = text.match(iso);
  if (!parts) return { problem: "must be a time" };
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const midnight = new Date(Date.UTC(year, month - 1, day));
  const isDay =
    midnight.getUTCFullYear() === year && midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day;
  if (!isDay || hour > 23 || minute > 59 || second > 59) return { problem: "must be a time: this date does not exist" };
  const fraction = Math.trunc(Number(`0.${parts[7] ?? 0}`) * 1000);
  const milliseconds = midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction - offset(parts[8]);
  return milliseconds >= 0 ? { milliseconds } : { problem: "must be a time" };
}

function offset(zone) {
  const [, sign, hours, minutes] = zone?.match(/^([+-])(\d\d):?(\d\d)?$/) ?? [];
  if (!sign) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000;
}
