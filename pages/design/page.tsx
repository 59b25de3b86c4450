// What all pages share: startup, frame, title, toasts and dialogs.

import { type ComponentChildren, type ComponentType, render } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { type Language, keepLanguage, language, languages, loadTexts, type Part, t } from "../languages";
import { ApiError } from "../parts/api";
import { type Config, loadConfig } from "../parts/config";
import { reload } from "../parts/leave";
import { paint } from "./brand";
import { Button } from "./button";
import { Toasts } from "./toast";

/** Loads the texts, and the name and color of the service, then renders the page. */
export async function start(parts: Part[], Content: ComponentType<{ config: Config }>): Promise<void> {
  // A page restored from the back/forward cache may show data that no longer exists, such as an ended session.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  const loading = loadConfig();
  // The texts come first: an error needs them too.
  loading.catch(() => {});
  await loadTexts(parts);
  try {
    const config = await loading;
    paint(config.brand_color);
    show(<Content config={config} />);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    document.title = t("unavailable");
    show(<Unavailable message={error.message} />);
  }
}

function show(content: ComponentChildren): void {
  document.body.replaceChildren();
  render(content, document.body);
}

/** What a visitor sees when the service does not respond. */
function Unavailable({ message }: { message: string }) {
  return (
    <div class="narrow">
      <main>
        <h1>{t("unavailable")}</h1>
        <p role="alert">{message}</p>
        <Button label={t("try_again")} intent="primary" act={reload} />
      </main>
    </div>
  );
}

interface PageProps {
  config: Config;
  title: string;
  children: ComponentChildren;
}

/** Shows a dialog over the page, or none. It is part of the page's tree, because ids are unique per tree. */
export let showDialog: (dialog: ComponentChildren) => void = () => {};

/** A page with one column, as wide as a form. */
export function Page({ config, title, children }: PageProps) {
  useTitle(title, config);
  return (
    <>
      <div class="narrow">
        <header>
          <a class="brand" href="/">
            {config.service_name}
          </a>
        </header>
        <main id="main">
          <h1 tabIndex={-1}>{title}</h1>
          {children}
        </main>
      </div>
      <Ends />
    </>
  );
}

interface AppPageProps extends PageProps {
  /** What is at the end of the bar: the menu of the user. */
  menu?: ComponentChildren;
  /** The links to the pages, in the bar. */
  pages?: ComponentChildren;
  /** The links to the views of this page. */
  views?: ComponentChildren;
}

/** A page of a signed-in user, with the navigation. */
export function AppPage({ config, title, menu, pages, views, children }: AppPageProps) {
  useTitle(title, config);
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    // A change of the view is announced like the load of a page.
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [title]);
  return (
    <>
      {/* Not a link: the fragment selects the view. */}
      <button type="button" class="skip" onClick={focusTitle}>
        {t("skip")}
      </button>
      <header class="bar">
        <div>
          <a class="brand" href="/">
            {config.service_name}
          </a>
          {pages}
          {menu}
        </div>
      </header>
      <div class="shell">
        {views}
        <main id="main">
          <h1 tabIndex={-1} ref={heading}>
            {title}
          </h1>
          {children}
        </main>
      </div>
      <Ends />
    </>
  );
}

function useTitle(title: string, { service_name }: Config): void {
  useEffect(() => {
    document.title = `${title} · ${service_name}`;
  }, [title]);
}

/** The end of every page: language, toasts, dialog. */
function Ends() {
  const [dialog, setDialog] = useState<ComponentChildren>(null);
  showDialog = setDialog;
  return (
    <>
      <footer class="footer">
        <LanguageChoice />
      </footer>
      <Toasts />
      {dialog}
    </>
  );
}

/** The language, for this browser, and for the mails of a user who is signed in. */
function LanguageChoice() {
  const id = useId();
  async function choose(chosen: Language): Promise<void> {
    keepLanguage(chosen);
    // The page changes its language in any case.
    await keepForUser(chosen).catch(() => {});
    reload();
  }
  return (
    <>
      <label class="visually-hidden" for={id}>
        {t("language")}
      </label>
      <select
        id={id}
        // Browsers restore the choice of an earlier visit otherwise.
        autocomplete="off"
        onChange={({ currentTarget }) => choose(currentTarget.value as Language)}
      >
        {Object.entries(languages).map(([code, { name }]) => (
          <option key={code} value={code} lang={code} selected={code === language}>
            {name}
          </option>
        ))}
      </select>
    </>
  );
}

/** Stores the language of the signed-in user, if there is one. */
let keepForUser: (chosen: Language) => Promise<unknown> = async () => {};

/** From now on, a language that the user chooses is also stored with this function. */
export function chooseLanguageForUser(store: (chosen: Language) => Promise<unknown>): void {
  keepForUser = store;
}

/** Moves the focus to the title, after the focused part of the page was removed. */
export function focusTitle(): void {
  document.querySelector("h1")?.focus();
}
