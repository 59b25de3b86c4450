// What all pages share: startup, header and title.

import { type ComponentChildren, type ComponentType, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "./api";
import { paint } from "./brand";
import { type Config, loadConfig } from "./config";

/** Loads the name and color of the service, then renders the page. */
export async function start(Content: ComponentType<{ config: Config }>): Promise<void> {
  // A page restored from the back/forward cache may show data that no longer exists, such as an ended session.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  try {
    const config = await loadConfig();
    paint(config.brand_color);
    show(<Content config={config} />);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    show(
      <main class="narrow">
        <h1>Service unavailable</h1>
        <p role="alert">{error.message}</p>
      </main>,
    );
  }
}

function show(content: ComponentChildren): void {
  document.body.replaceChildren();
  render(content, document.body);
}

interface PageProps {
  config: Config;
  title: string;
  /** Shown in the header next to the name of the service. */
  menu?: ComponentChildren;
  /** Whether the page needs more width than a form. */
  wide?: boolean;
  children: ComponentChildren;
}

/** Shows a dialog over the page, or none. It is part of the page's tree, because ids are unique per tree. */
export let showDialog: (dialog: ComponentChildren) => void = () => {};

export function Page({ config, title, menu, wide, children }: PageProps) {
  const [dialog, setDialog] = useState<ComponentChildren>(null);
  showDialog = setDialog;
  useEffect(() => {
    document.title = `${title} · ${config.service_name}`;
  }, [title]);
  return (
    <>
      <header class={wide ? "wide" : "narrow"}>
        <a class="brand" href="/">
          {config.service_name}
        </a>
        {menu}
      </header>
      <main class={wide ? "wide" : "narrow"}>
        <h1 tabIndex={-1}>{title}</h1>
        {children}
      </main>
      {dialog}
    </>
  );
}

/** Moves the focus to the title, after the focused part of the page was removed. */
export function focusTitle(): void {
  document.querySelector("h1")?.focus();
}
