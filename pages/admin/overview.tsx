// What happened in the last days: charts, mail, second factors, and the newest events.

import { Chart } from "../design/chart";
import { Choice } from "../design/form";
import { Section } from "../design/section";
import { Empty } from "../design/skeleton";
import { Distance } from "../design/time";
import { locale, number, t } from "../languages";
import { callSignedIn } from "../parts/api";
import { Events } from "../parts/events";
import { useLoaded } from "../parts/loaded";
import { eventsView } from "./addresses";

interface DayCounts {
  /** In UTC, as `YYYY-MM-DD`. */
  day: string;
  sign_ups: number;
  sign_ins: number;
  failed_sign_ins: number;
  password_resets: number;
  /** Null on days without a snapshot. */
  active_sessions: number | null;
}

/** Counted once a day. */
interface Adoption {
  users: number;
  with_second_factor: number;
  with_passkey: number;
}

interface Mail {
  queued: number;
  retrying: number;
  /** How many users' addresses get no mail. Null before the first count. */
  suppressed: number | null;
  oldest_at: number | null;
  providers: { name: string; sent: number; failed: number }[];
}

interface Counts {
  days: DayCounts[];
  /** False while events wait to be counted. */
  is_complete: boolean;
  /** Null before the first count. */
  second_factors: Adoption | null;
  mail: Mail;
}

const periods = [7, 30, 90];

const date = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", timeZone: "UTC" });
const percent = new Intl.NumberFormat(locale, { style: "percent" });
const format = (day: string) => date.format(Date.parse(day));

export function Overview({ parameters }: { parameters: URLSearchParams }) {
  const asked = Number(parameters.get("days"));
  const days = periods.includes(asked) ? asked : 30;
  const { value, error } = useLoaded(() => callSignedIn<Counts>("GET", `admin/overview?days=${days}`));
  return (
    <>
      <Section
        title={t("overview.days", { count: days })}
        isView
        loading={!value}
        error={error}
        actions={<Period days={days} />}
      >
        {value && !value.is_complete && <p class="message warning">{t("overview.incomplete")}</p>}
        {value && <Charts counts={value} />}
      </Section>
      {value && (
        <div class="cards">
          <SecondFactors adoption={value.second_factors} />
          <MailHealth mail={value.mail} />
        </div>
      )}
      <Section title={t("overview.recent")} actions={<a href="#events">{t("overview.all_events")}</a>}>
        <Events path="admin/events" limit={8} />
      </Section>
    </>
  );
}

function Period({ days }: { days: number }) {
  return (
    <div
      onChange={({ target }) => {
        location.hash = `#overview?days=${(target as HTMLSelectElement).value}`;
      }}
    >
      <Choice
        name="days"
        label={t("overview.period")}
        hidesLabel
        choices={Object.fromEntries(periods.map((count) => [count, t("overview.days", { count })]))}
        chosen={String(days)}
      />
    </div>
  );
}

function Charts({ counts: { days } }: { counts: Counts }) {
  const points = (name: Exclude<keyof DayCounts, "day">) =>
    days.map((counts) => ({ day: counts.day, value: counts[name] }));
  return (
    <div class="charts">
      <Chart
        title={t("overview.sign_ins")}
        points={points("sign_ins")}
        href={eventsView({ action: "login", result: "success" })}
        format={format}
      />
      <Chart
        title={t("overview.failed_sign_ins")}
        points={points("failed_sign_ins")}
        intent="danger"
        href={eventsView({ action: "login", result: "failure" })}
        format={format}
      />
      <Chart title={t("overview.sign_ups")} points={points("sign_ups")} format={format} />
      <Chart title={t("overview.password_resets")} points={points("password_resets")} format={format} />
      <Chart title={t("overview.sessions")} points={points("active_sessions")} kind="line" format={format} />
    </div>
  );
}

function SecondFactors({ adoption }: { adoption: Adoption | null }) {
  if (!adoption) {
    return (
      <Section title={t("overview.second_factor")}>
        <Empty>{t("overview.not_counted")}</Empty>
      </Section>
    );
  }
  const { users, with_second_factor, with_passkey } = adoption;
  const share = users > 0 ? with_second_factor / users : 0;
  return (
    <Section title={t("overview.second_factor")}>
      <div class="figure">
        <span>{t("overview.second_factor.users")}</span>
        <strong>{percent.format(share)}</strong>
      </div>
      <meter value={share} aria-label={t("overview.second_factor.users")} />
      <dl class="facts">
        <Fact name={t("overview.users")} value={users} />
        <Fact name={t("overview.second_factor.users")} value={with_second_factor} />
        <Fact name={t("overview.passkeys")} value={with_passkey} />
      </dl>
      <small class="soft">{t("overview.counted")}</small>
    </Section>
  );
}

function Fact({ name, value }: { name: string; value: number | null }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value === null ? "–" : number(value)}</dd>
    </>
  );
}

function MailHealth({ mail: { queued, retrying, suppressed, oldest_at, providers } }: { mail: Mail }) {
  return (
    <Section title={t("overview.mail")}>
      {queued === 0 ? (
        <p class="soft">{t("overview.mail.nothing")}</p>
      ) : (
        <dl class="facts">
          <Fact name={t("overview.mail.queued")} value={queued} />
          <Fact name={t("overview.mail.retrying")} value={retrying} />
          <dt>{t("overview.mail.oldest")}</dt>
          <dd>{oldest_at !== null && <Distance to={oldest_at} />}</dd>
        </dl>
      )}
      {suppressed !== null && suppressed > 0 && (
        <p class="message warning">{t("overview.mail.suppressed", { count: suppressed })}</p>
      )}
      {providers.length === 0 ? (
        <p class="soft">{t("overview.mail.none")}</p>
      ) : (
        <table class="table">
          <thead>
            <tr>
              <th scope="col">{t("overview.mail.provider")}</th>
              <th scope="col" class="number">
                {t("overview.mail.sent")}
              </th>
              <th scope="col" class="number">
                {t("overview.mail.failed")}
              </th>
            </tr>
          </thead>
          <tbody>
            {providers.map(({ name, sent, failed }) => (
              <tr key={name}>
                <td data-label={t("overview.mail.provider")}>{name}</td>
                <td class="number" data-label={t("overview.mail.sent")}>
                  {number(sent)}
                </td>
                <td class="number" data-label={t("overview.mail.failed")}>
                  {failed > 0 ? <span class="badge error">{number(failed)}</span> : number(failed)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}
