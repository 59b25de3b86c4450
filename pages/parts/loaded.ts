// Something that a page shows once the service has told it.

import { useEffect, useState } from "preact/hooks";
import { Refusal } from "./api";

interface State<Value> {
  value?: Value;
  refusal?: Refusal;
}

/** Loads at first, whenever `about` is another one, and on `reload`; until then what was there before stays. */
export function useLoaded<Value>(load: () => Promise<Value>, about = "") {
  const [state, setState] = useState<State<Value>>({});

  async function reload(): Promise<void> {
    try {
      const value = await load();
      setState({ value });
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault;
      setState(({ value }) => ({ value, refusal: fault }));
    }
  }

  useEffect(() => {
    reload();
  }, [about]);

  return { ...state, reload };
}
