// A value that a page loads from the service.

import { useEffect, useState } from "preact/hooks";
import { ApiError } from "./api";

interface State<Value> {
  value?: Value;
  error?: ApiError;
}

/** Loads the value when mounted, when `about` changes, and on `reload`. The previous value stays until the new one arrives. */
export function useLoaded<Value>(load: () => Promise<Value>, about = "") {
  const [state, setState] = useState<State<Value>>({});

  async function reload(): Promise<void> {
    try {
      const value = await load();
      setState({ value });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState(({ value }) => ({ value, error }));
    }
  }

  useEffect(() => {
    reload();
  }, [about]);

  return { ...state, reload };
}
