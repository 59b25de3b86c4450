// The design system on one page, in local development: `/dev/design`. docs/design.md says when to use which part.
//
// The texts of this page are for developers, so they are not in the catalogues.

import "./design/data.css";
import "./design/swatches.css";
import { useState } from "preact/hooks";
import { Button, ConfirmedButton, type Intent } from "./design/button";
import { Chart } from "./design/chart";
import { Choice, CodeField, EmailField, Field, Form, Message, NewPasswordField } from "./design/form";
import { Menu } from "./design/menu";
import { AppPage, start } from "./design/page";
import { Paging } from "./design/paging";
import { Person } from "./design/person";
import { Section } from "./design/section";
import { Empty, Skeleton } from "./design/skeleton";
import { Day, Distance, Moment } from "./design/time";
import { toast } from "./design/toast";
import { ApiError } from "./parts/api";

const intents: Intent[] = ["primary", "secondary", "danger"];

const colors = ["canvas", "surface", "sunken", "ink", "soft", "line", "control-line", "button", "accent"];

const week = Array.from({ length: 14 }, (_, index) => ({
  day: new Date(Date.UTC(2026, 10, index + 1)).toISOString().slice(0, 10),
  value: (index * 7) % 11,
}));

start([], ({ config }) => {
  const [busy, setBusy] = useState(false);
  return (
    <AppPage
      config={config}
      title="Design system"
      pages={<nav aria-label="Pages" />}
      views={
        <nav aria-label="Parts">
          {["colors", "buttons", "forms", "messages", "lists", "numbers"].map((part) => (
            <a key={part} href={`#${part}`}>
              {part}
            </a>
          ))}
        </nav>
      }
    >
      <div id="colors">
        <Section title="Colors">
          <div class="swatches">
            {colors.map((name) => (
              <span key={name} class={`swatch ${name}`}>
                <code>{name}</code>
              </span>
            ))}
          </div>
        </Section>
      </div>
      <div id="buttons">
        <Section title="Buttons" actions={<Button label="In a heading" small act={() => toast("In a heading")} />}>
          <div class="actions">
            {intents.map((intent) => (
              <Button key={intent} label={intent} intent={intent} act={() => toast(`Done: ${intent}`)} />
            ))}
            <Button label="busy" busy={busy} act={() => setBusy(!busy)} />
            <a class="button" href="#buttons">
              Another page
            </a>
          </div>
          <div class="actions">
            {intents.map((intent) => (
              <Button key={intent} label={intent} intent={intent} small act={() => toast(`Done: ${intent}, small`)} />
            ))}
            <ConfirmedButton label="Delete" question="Delete this?" work={async () => toast("Deleted.")}>
              <p>The dialog says what will happen. Its button has the intent of the action.</p>
            </ConfirmedButton>
            <Menu label="Menu" name="Menu">
              <li>
                <button type="button" onClick={() => toast("Renamed.")}>
                  Rename
                </button>
              </li>
              <li>
                <button type="button" class="danger" onClick={() => toast("Removed.")}>
                  Remove
                </button>
              </li>
            </Menu>
          </div>
        </Section>
      </div>
      <div id="forms">
        <Section title="Form">
          <Form
            label="Save"
            submit={async ({ name }) => {
              if (name === "") {
                const detail = [{ loc: ["body", "name"], msg: "must not be empty", type: "blank" }];
                throw new ApiError("invalid_fields", "Some fields are invalid.", detail);
              }
              return "Saved.";
            }}
          >
            <EmailField defaultValue="ada@example.com" />
            <Field name="name" label="Name" hint="Leave it empty to see an error." />
            <NewPasswordField minLength={8} required={false} />
            <CodeField name="code" required={false} />
            <Choice name="tier" label="Tier" choices={{ 0: "0", 1: "1" }} chosen="0" />
            <label class="check">
              <input type="checkbox" name="check" /> A checkbox
            </label>
          </Form>
        </Section>
      </div>
      <div id="messages">
        <Section title="Messages">
          <Message outcome={{ kind: "error", text: "An error, next to what it is about.", problems: [] }} />
          <p class="message success">A success that stays.</p>
          <p class="message warning">A warning.</p>
          <div class="badges">
            <span class="badge">Badge</span>
            <span class="badge success">Success</span>
            <span class="badge warning">Warning</span>
            <span class="badge error">Error</span>
          </div>
          <Empty>There is nothing here yet. Say what to do about it.</Empty>
          <Skeleton />
        </Section>
      </div>
      <div id="lists">
        <Section title="Lists">
          <ul class="rows">
            <li>
              <div>
                <strong>A row</strong>
                <small>
                  <Moment at={Date.UTC(2026, 10, 28)} /> · <Distance to={Date.now() + 7 * 86_400_000} />
                </small>
              </div>
              <Button label="Act" small about="A row" act={() => toast("Done.")} />
            </li>
            <li>
              <Person name="Ada Lovelace" email="ada@example.com">
                <strong>Ada Lovelace</strong>
                <small>ada@example.com</small>
              </Person>
            </li>
          </ul>
          <table class="table">
            <thead>
              <tr>
                <th scope="col">User</th>
                <th scope="col">Created</th>
                <th scope="col" class="number">
                  Sign-ins
                </th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <td data-label="User">ada@example.com</td>
                <td data-label="Created">
                  <Day at={Date.UTC(2026, 10, 28)} />
                </td>
                <td data-label="Sign-ins" class="number">
                  12
                </td>
              </tr>
            </tbody>
          </table>
          <Paging listing={{ total: 60, offset: 20, limit: 20, items: Array(20) }} href={() => "#lists"} />
        </Section>
      </div>
      <div id="numbers">
        <Section title="Numbers">
          <div class="charts">
            <Chart title="Bars" points={week} format={(day) => day.slice(5)} />
            <Chart title="Failures" points={week} intent="danger" format={(day) => day.slice(5)} />
            <Chart title="A line" points={week} kind="line" format={(day) => day.slice(5)} />
          </div>
          <meter value={0.4} aria-label="A share" />
          <dl class="facts">
            <dt>A name</dt>
            <dd>A value</dd>
          </dl>
        </Section>
      </div>
    </AppPage>
  );
});
