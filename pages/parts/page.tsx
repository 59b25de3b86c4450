// What every page has in common: how it starts, its frame, its title.

import { type ComponentChildren, type ComponentType, render } from "preact";
import { useEffect } from "preact/hooks";
import { Refusal } from "./api";
import { paint } from "./brand";
import { type Config, loadConfig } from "./config";

/** Shows a page once it is known what the service is called and looks like. */
export async function start(Content: ComponentType<{ config: Config }>): Promise<void> {
  // A page that the browser kept as it was left may show what has ended since: a session, an invitation.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  try {
    const config = await loadConfig();
    paint(config.brand_color);
    show(<Content config={config} />);
  } catch (fault) {
    if (!(fault instanceof Refusal)) throw fault;
    show(
      <main class="narrow">
        <h1>Out of order</h1>
        <p role="alert">{fault.message}</p>
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
  /** What stands beside the name of the service. */
  menu?: ComponentChildren;
  /** Whether it needs more room than a form does. */
  wide?: boolean;
  children: ComponentChildren;
}

export function Page({ config, title, menu, wide, children }: PageProps) {
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
        <h1>{title}</h1>
        {children}
      </main>
    </>
  );
}
