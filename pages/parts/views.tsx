// Views of a page that the URL fragment selects: `#users?search=ada` is the view `users` with its parameters.

import { useEffect, useState } from "preact/hooks";
import { t, type TextKey } from "../languages";

/** Returns the fragment's view and parameters, and follows their changes. Unknown views are the `first` one. */
export function useView<View extends string>(
  views: Record<View, unknown>,
  first: NoInfer<View>,
  aliases: Record<string, NoInfer<View>> = {},
): { view: View; parameters: URLSearchParams } {
  const read = () => {
    const [name = "", query = ""] = location.hash.slice(1).split("?");
    const alias = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
    const view = Object.hasOwn(views, name) ? (name as View) : (alias ?? first);
    return { view, parameters: new URLSearchParams(query) };
  };
  const [state, setState] = useState(read);
  useEffect(() => {
    const follow = () => setState(read());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return state;
}

interface ViewLinksProps {
  /** The views and their names. */
  views: Record<string, TextKey>;
  view: string;
  /** The name of the navigation. */
  name: string;
}

export function ViewLinks({ views, view, name }: ViewLinksProps) {
  return (
    <nav aria-label={name}>
      {Object.entries(views).map(([id, title]) => (
        <a key={id} href={`#${id}`} aria-current={id === view ? "page" : undefined}>
          {t(title)}
        </a>
      ))}
    </nav>
  );
}
