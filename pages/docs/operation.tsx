// One call of the API: what it does, what it takes, what it returns, and a form that sends it.

import { useState } from "preact/hooks";
import { t } from "../languages";
import type { User } from "../parts/api";
import { bodyOf, type Call, type Description, fieldsOf, resolve } from "./description";
import { Markdown } from "./markdown";
import { TryIt } from "./try-it";

interface OperationProps {
  description: Description;
  call: Call;
  /** The user that the page names, if it names one. */
  user?: User | undefined;
}

/** Its content is rendered when it is opened, because there are many. */
export function OperationCard({ description, call, user }: OperationProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="card operation" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <span class={`badge method ${call.method.toLowerCase()}`}>{call.method}</span>
        <code data-path={call.path}>{call.path}</code>
        <span>{call.summary}</span>
      </summary>
      {isOpen && <Content description={description} call={call} user={user} />}
    </details>
  );
}

function Content({ description, call, user }: OperationProps) {
  const body = bodyOf(description, call.requestBody?.content);
  return (
    <div class="stack">
      {call.description && <Markdown text={call.description} />}
      <p class="soft">{t(access(call))}</p>
      {call.parameters && call.parameters.length > 0 && (
        <Facts
          title={t("docs.parameters")}
          rows={call.parameters.map(({ name, in: place, required, description: about, schema }) => ({
            name,
            type: `${place}, ${[schema.type ?? "string"].flat().join(" or ")}`,
            isRequired: required ?? false,
            description: about ?? "",
          }))}
        />
      )}
      {body && <Facts title={t("docs.body")} rows={fieldsOf(description, body.schema)} />}
      <Responses description={description} call={call} />
      <TryIt call={call} user={user} body={body} />
    </div>
  );
}

/** Who can make the call, as the key of a text. */
function access({ security = [], path }: Call) {
  const names = security.flatMap((one) => Object.keys(one));
  if (names.includes("session")) return path.includes("/admin/") ? "docs.access.admin" : "docs.access.user";
  return names.includes("password_reset") ? "docs.access.reset" : "docs.access.everyone";
}

interface FactsProps {
  title: string;
  rows: { name: string; type: string; isRequired: boolean; description: string }[];
}

function Facts({ title, rows }: FactsProps) {
  if (rows.length === 0) return null;
  return (
    <section class="stack">
      <h3>{title}</h3>
      <dl class="parameters">
        {rows.map(({ name, type, isRequired, description }) => (
          <div key={name}>
            <dt>
              <code>{name}</code> <small>{type}</small>{" "}
              {isRequired && <span class="badge warning">{t("docs.required")}</span>}
            </dt>
            {description && (
              <dd>
                <Markdown text={description} />
              </dd>
            )}
          </div>
        ))}
      </dl>
    </section>
  );
}

function Responses({ description, call }: OperationProps) {
  return (
    <section class="stack">
      <h3>{t("docs.responses")}</h3>
      {Object.entries(call.responses).map(([status, response]) => {
        const { description: about = "", content } = resolve(description, response);
        const body = bodyOf(description, content);
        return (
          <details key={status}>
            <summary>
              <span class={`badge ${lookOf(status)}`}>{status}</span> {about.split("\n")[0]?.replaceAll("`", "")}
            </summary>
            <div class="stack">
              {about.includes("\n") && <Markdown text={about} />}
              {body && body.example !== "" && <Code text={JSON.stringify(body.example, null, 2)} />}
              {body && status.startsWith("2") && (
                <Facts title={t("docs.fields")} rows={fieldsOf(description, body.schema)} />
              )}
            </div>
          </details>
        );
      })}
    </section>
  );
}

/** The class of a badge with a status. */
function lookOf(status: string): string {
  if (status.startsWith("2")) return "success";
  return status.startsWith("3") ? "" : "error";
}

/** A text that may be wider than the page. Users of a keyboard can scroll it. */
export function Code({ text }: { text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: It scrolls.
    <pre class="code" tabIndex={0}>
      <code>{text}</code>
    </pre>
  );
}
