import { renderToString } from "react-dom/server";
import { App } from "./app";

/** Returns the page. */
export function render(posternUrl: string): string {
  return `<!doctype html>${renderToString(<App posternUrl={posternUrl} />)}`;
}
