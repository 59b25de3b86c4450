// The audit log, with a search.

import { Choice, Field, Form } from "../design/form";
import { Section } from "../design/section";
import { t, textsOf } from "../languages";
import { Events } from "../parts/events";
import { eventsView } from "./addresses";

/** The parameters of the search. Days are those of the browser's time zone. */
const names = ["action", "user", "result", "from", "to"];

export function EventLog({ parameters }: { parameters: URLSearchParams }) {
  const search = Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? ""]));
  const isSearch = names.some((name) => search[name]);
  const actions = textsOf("event.").sort(([, one], [, other]) => one.localeCompare(other));
  return (
    <Section title={t("events")} isView>
      <Form
        label={t("event_log.search")}
        intent="secondary"
        submit={async (values) => {
          location.hash = eventsView(Object.fromEntries(Object.entries(values).filter(([, value]) => value)));
        }}
      >
        <div class="fields">
          <Choice
            name="action"
            label={t("event_log.action")}
            choices={{ "": t("event_log.any"), ...Object.fromEntries(actions) }}
            chosen={search.action ?? ""}
          />
          <Choice
            name="result"
            label={t("event_log.result")}
            choices={{
              "": t("event_log.any"),
              success: t("event_log.result.success"),
              failure: t("event_log.result.failure"),
            }}
            chosen={search.result ?? ""}
          />
          <div class="whole">
            <Field name="user" label={t("event_log.user")} autoComplete="off" defaultValue={search.user ?? ""} />
          </div>
          <Field name="from" label={t("event_log.from")} type="date" defaultValue={search.from ?? ""} />
          <Field name="to" label={t("event_log.to")} type="date" defaultValue={search.to ?? ""} />
        </div>
      </Form>
      {isSearch && (
        <p>
          <a href="#events">{t("event_log.clear")}</a>
        </p>
      )}
      <Events
        path="admin/events"
        query={queryOf(search)}
        isSearch={isSearch}
        hint={search.user ? t("event_log.user.whole") : undefined}
      />
    </Section>
  );
}

/** Returns the query of the API. The search includes the last day. */
function queryOf({ from, to, ...rest }: Record<string, string>): Record<string, string> {
  const midnight = (day: string, after: number) => {
    const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
    return String(new Date(year, month - 1, date + after).getTime());
  };
  const query = { ...rest, from: from ? midnight(from, 0) : "", to: to ? midnight(to, 1) : "" };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value));
}
