// A form that sends a call with the session of this browser, and shows the response and the same call for a terminal.

import { useState } from "preact/hooks";
import { Field, Form, type Values } from "../design/form";
import { t } from "../languages";
import { ApiError, type User } from "../parts/api";
import type { Call, Parameter } from "./description";
import { Code } from "./operation";

interface TryItProps {
  call: Call;
  /** The user that the page names, if it names one. */
  user: User | undefined;
  body: { type: string; example: unknown } | undefined;
}

interface Answer {
  status: string;
  text: string;
}

export function TryIt({ call, user, body }: TryItProps) {
  const [answer, setAnswer] = useState<Answer>();
  const parameters = call.parameters ?? [];
  const example = body && (body.type.includes("json") ? JSON.stringify(body.example, null, 2) : formOf(body.example));
  return (
    <section class="stack">
      <h3>{t("docs.try")}</h3>
      <Code text={curl(call, body?.type, example)} />
      <Form
        label={t("docs.send")}
        intent={call.method === "DELETE" ? "danger" : "primary"}
        submit={async (values) => {
          setAnswer(undefined);
          setAnswer(await send(call, user, parameters, values, body?.type));
        }}
      >
        {parameters.map((parameter) => (
          <Field
            key={parameter.name}
            name={`parameter:${parameter.name}`}
            label={`${parameter.name} (${parameter.in})`}
            autoComplete="off"
            required={parameter.in === "path"}
            placeholder={String(parameter.example ?? "")}
          />
        ))}
        {example !== undefined && (
          <label class="field">
            {t("docs.body")}
            <textarea name="body" rows={Math.min(12, example.split("\n").length + 1)} spellcheck={false}>
              {example}
            </textarea>
          </label>
        )}
      </Form>
      {answer && (
        <div class="stack" role="status">
          <p>
            <span class={`badge ${answer.status.startsWith("2") ? "success" : "error"}`}>{answer.status}</span>
          </p>
          <Code text={answer.text} />
        </div>
      )}
    </section>
  );
}

async function send(
  call: Call,
  user: User | undefined,
  parameters: Parameter[],
  values: Values,
  type: string | undefined,
): Promise<Answer> {
  const query = new URLSearchParams();
  const headers = new Headers();
  let { path } = call;
  for (const { name, in: place } of parameters) {
    const value = values[`parameter:${name}`];
    if (!value) continue;
    if (place === "path") path = path.replace(`{${name}}`, encodeURIComponent(value));
    else if (place === "query") query.set(name, value);
    else headers.set(name, value);
  }
  const hasBody = type !== undefined && values.body !== undefined;
  if (hasBody) headers.set("Content-Type", type);
  const url = query.size > 0 ? `${path}?${query}` : path;
  // Another tab may have signed in since. The call acts for the user that the page names, or for nobody.
  if (user) headers.set("X-Acting-As", encodeURIComponent(user.id));
  const credentials = user || !call.security?.length ? "same-origin" : "omit";
  const request = { method: call.method, headers, credentials, ...(hasBody && { body: values.body }) } as const;
  const response = await fetch(url, request).catch(() => {
    throw new ApiError("unreachable", t("unreachable"));
  });
  const text = await response.text();
  return { status: `${response.status} ${response.statusText}`.trim(), text: pretty(text) };
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function formOf(example: unknown): string {
  return String(new URLSearchParams(example as Record<string, string>));
}

function curl({ method, path, security }: Call, type: string | undefined, body: string | undefined): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [`curl -X ${method} ${quoted(location.origin + path)}`];
  if (security?.length) lines.push(`-H ${quoted("Authorization: Bearer <token>")}`);
  if (type && body !== undefined) lines.push(`-H ${quoted(`Content-Type: ${type}`)}`, `-d ${quoted(body)}`);
  return lines.join(" \\\n  ");
}
