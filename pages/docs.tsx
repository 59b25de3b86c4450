// The API reference, from the OpenAPI description of the service. Calls that it sends use the session of this browser.

import "./docs/style.css";
import { useEffect, useState } from "preact/hooks";
import { AppPage, start } from "./design/page";
import { Field, Form } from "./design/form";
import { Empty, Skeleton } from "./design/skeleton";
import { rich, t } from "./languages";
import { type Call, callsOf, type Description } from "./docs/description";
import { Markdown } from "./docs/markdown";
import { OperationCard } from "./docs/operation";
import { call, type User } from "./parts/api";
import { useLoaded } from "./parts/loaded";
import { PageLinks, UserMenu } from "./parts/user-menu";

/** Returns the id of a section: `signing-in`. */
const idOf = (tag: string) => tag.toLowerCase().replaceAll(/[^a-z]+/g, "-");

/** Whether a call has all words of a search in its path, method or summary. */
function matches({ method, path, summary }: Call, search: string): boolean {
  const text = `${method} ${path} ${summary}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

start(["docs"], ({ config }) => {
  const { value: description, error } = useLoaded(() => call<Description>("GET", "openapi.json"));
  const [user, setUser] = useState<User>();
  const [search, setSearch] = useState("");
  useEffect(() => {
    call<User>("GET", "me").then(setUser, () => {});
  }, []);
  useEffect(() => {
    // The section that the address names was not there when the page was loaded.
    if (description && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [description]);
  // The links to the sections push the page down: it waits for them, and shows the gray lines of the layout meanwhile.
  if (!description && !error) {
    return (
      <div class="narrow">
        <Skeleton />
      </div>
    );
  }
  const calls = description ? callsOf(description).filter((call) => matches(call, search)) : [];
  const tags = description?.tags.filter(({ name }) => calls.some(({ tags }) => tags.includes(name))) ?? [];
  return (
    <AppPage
      config={config}
      title={t("docs")}
      pages={user ? <PageLinks user={user} /> : <nav />}
      menu={user ? <UserMenu user={user} /> : <a href="/signin">{t("sign_in")}</a>}
      views={
        <nav aria-label={t("docs.sections")}>
          {tags.map(({ name }) => (
            <a key={name} href={`#${idOf(name)}`}>
              {name}
            </a>
          ))}
        </nav>
      }
    >
      {error && (
        <p class="message error" role="alert">
          {error.message}
        </p>
      )}
      {description && (
        <>
          {/* The description is in English. */}
          <div class="stack" lang="en" dir="ltr">
            <Markdown text={description.info.description} />
          </div>
          <p class="soft">
            {user
              ? t("docs.signed_in", { user: user.email })
              : rich("docs.signed_out", { link: <a href="/signin">{t("sign_in")}</a> })}{" "}
            <a href="/api/auth/openapi.json">{t("docs.download")}</a>
          </p>
          <Form
            label={t("docs.search")}
            intent="secondary"
            inline
            submit={async ({ search = "" }) => setSearch(search.trim())}
          >
            <Field
              name="search"
              label={t("docs.search.label")}
              type="search"
              autoComplete="off"
              onInput={({ currentTarget }) => setSearch(currentTarget.value.trim())}
            />
          </Form>
          {calls.length === 0 && <Empty>{t("docs.none")}</Empty>}
          {tags.map(({ name, description: about }) => (
            <section
              key={name}
              id={idOf(name)}
              class="stack"
              aria-labelledby={`${idOf(name)}-title`}
              lang="en"
              dir="ltr"
            >
              <h2 id={`${idOf(name)}-title`}>{name}</h2>
              <p class="soft">{about}</p>
              {calls
                .filter(({ tags }) => tags.includes(name))
                .map((call) => (
                  <OperationCard key={call.operationId} description={description} call={call} user={user} />
                ))}
            </section>
          ))}
        </>
      )}
    </AppPage>
  );
});
